import { createHash } from 'node:crypto'
import type { Playbook } from '../core/playbook.ts'
import { type PlaybookData, type PlaybookProblem, readPlaybook } from '../core/playbook-read.ts'
import { createTemplates } from './templates.ts'
import { type Mistake, parseYaml } from './yaml.ts'
import { checkShape } from './yaml-playbook-shape.ts'
import { checkTemplates } from './yaml-playbook-templates.ts'

/** A playbook that cannot be used. The message has every mistake on a line of its own, as `file:line:column: what`. */
export class PlaybookError extends Error {
  override name = 'PlaybookError'
  readonly file: string
  readonly mistakes: readonly Mistake[]
  constructor(file: string, mistakes: readonly Mistake[]) {
    super(mistakes.map(({ line, column, message }) => `${file}:${line}:${column}: ${printable(message)}`).join('\n'))
    this.file = file
    this.mistakes = mistakes
  }
}

const MAX_CHARACTERS = 150_000
const templates = createTemplates()

/** The playbook in a YAML text; `file` is its name within PLAYBOOKS_DIR. Throws a PlaybookError that names all mistakes. */
export function parsePlaybook(text: string, file: string): Playbook {
  if (text.length > MAX_CHARACTERS)
    throw new PlaybookError(file, [{ line: 1, column: 1, message: `is longer than ${MAX_CHARACTERS} characters` }])
  const yaml = parseYaml(text)
  if (yaml.mistakes.length > 0) throw new PlaybookError(file, yaml.mistakes)
  const located = (problem: PlaybookProblem & { readonly part?: 'key' | 'value' }): Mistake => ({
    ...yaml.placeOf(problem.path, problem.part ?? 'value'),
    message: problem.message,
  })
  const shape = checkShape(yaml.value)
  if (shape.length > 0) throw new PlaybookError(file, inOrder(shape.map(located)))

  const data = yaml.value as PlaybookData
  const { playbook, problems } = readPlaybook(data, { file, hash: hashOf(text) })
  const all = [...problems, ...checkTemplates(data, templates)]
  if (all.length > 0) throw new PlaybookError(file, inOrder(all.map(located)))
  return playbook
}

/** SHA-256 in hex, which names the text in the store. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Messages quote the file: a line break in a value would make a line of its own, an escape sequence would reach the terminal. */
function printable(message: string): string {
  return message.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}

function inOrder(mistakes: Mistake[]): Mistake[] {
  return mistakes.sort((a, b) => a.line - b.line || a.column - b.column)
}
