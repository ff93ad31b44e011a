import { stripVTControlCharacters, styleText } from 'node:util'
import { escaped } from './core/printable.ts'

// Said by the message or by the line's own columns already.
const UNSAID = new Set([
  'level',
  'message',
  '@timestamp',
  'log.level',
  'ecs.version',
  'service.name',
  'service.version',
  'event.dataset',
  'event.kind',
  'event.category',
  'event.type',
  'event.outcome',
  'related.ip',
  'error',
])
const COLOURS = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const
const MAX_VALUE = 500

/** One line for people: the time (UTC), the level, what happened, then the details. */
export function prettyLine(info: Readonly<Record<string, unknown>>, colour: boolean): string {
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text
  const level = String(info.level)
  const time = String(info['@timestamp']).slice(11, 19)
  const details = Object.entries(info)
    .filter(([key, value]) => !UNSAID.has(key) && value !== undefined && value !== null && value !== '')
    .flatMap(([key, value]) => (key === 'labels' ? Object.entries(value as object) : [[key, value] as const]))
    .map(([key, value]) => style('dim', `${printable(key)}=${shown(value)}`))
  const tone = level in COLOURS ? COLOURS[level as keyof typeof COLOURS] : 'white'
  const parts = [style('dim', time), style(tone, level.padEnd(5)), printable(String(info.message)), ...details]
  const error = info.error as { type?: unknown; message?: unknown } | undefined
  if (error?.message && !String(info.message).includes(String(error.message)))
    parts.push(style('red', printable(`${String(error.type ?? 'Error')}: ${String(error.message)}`)))
  return parts.join(' ')
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const short = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text
  return /[\s"=]/.test(short) ? JSON.stringify(printable(short)) : printable(short)
}

const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t' } as const

function printable(text: string): string {
  return escaped(
    stripVTControlCharacters(text).replace(/[\n\r\t]/g, (character) => SHORT[character as keyof typeof SHORT]),
  )
}
