import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { styleText } from 'node:util'
import { processEnvironment } from '../config.ts'
import type { Environment } from '../config-environment.ts'
import { escapeOf } from '../core/printable.ts'

/** What a command sees of the world. */
export interface Terminal {
  /** The environment of this process, completed by `.env`. */
  environment(): Environment
  /** Lines for who asked; control characters never get through. */
  say(text: string): void
  /** Lines about what went wrong. */
  complain(text: string): void
  /** Somebody sits there who can be asked. */
  readonly interactive: boolean
  /** One line from who sits there; only where `interactive`. */
  ask?(question: string): Promise<string>
  /** All that is piped in. */
  read?(): Promise<string>
  /** Nothing where colours are not wanted. */
  paint(colour: Colour, text: string): string
  readonly now: () => Date
}

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'

/** The terminal of this process. */
export function terminal(): Terminal {
  // Whoever reads only the beginning, as `head` does, has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  return {
    environment: () => processEnvironment(),
    say: (words) => console.log(words),
    complain: (words) => console.error(words),
    interactive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    ask: askOnce,
    read: async () => text(process.stdin),
    paint: (colour, words) => styleText(colour, words, { stream: process.stdout }),
    now: () => new Date(),
  }
}

async function askOnce(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return (await lines.question(question)).trim()
  } finally {
    lines.close()
  }
}

/** Other people's text, harmless for a terminal: rule names and reasons may hold escape sequences. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}

/**
 * The terminal, with nothing on it that moves its cursor or hides, whatever a command says: the colours of `paint`, tabs and line
 * ends stay, anything else of that kind becomes `\uXXXX`, which in JSON means the same.
 */
export function guarded(terminal: Terminal): Terminal {
  const harmless = (text: string) => text.replace(OURS_OR_NOT, (found, ours?: string) => ours ?? escapeOf(found))
  return {
    ...terminal,
    say: (text) => terminal.say(harmless(text)),
    complain: (text) => terminal.complain(harmless(text)),
  }
}

// Not every colour: among them are black, and the one that conceals.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const OURS_OR_NOT = /(\u001b\[(?:1|2|22|3[1239])m|[\n\t])|[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Ends a command with this code and this message. */
export class CliError extends Error {
  override name = 'CliError'
  readonly code: number
  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export const EXIT = { ok: 0, failed: 1, badInput: 2, notFound: 3 } as const
