import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where the story is told: plain text where it is piped or NO_COLOR is set, colours on a terminal. */
export interface Page {
  /** One thing that happened: when, who, what. */
  tell(who: Who, text: string, style?: Style): void
  heading(text: string): void
  /** As it is, indented by two. */
  line(text?: string): void
  /** Words, broken at the width of the page. */
  text(words: string): void
  /** Rows of cells, the first row as heads. */
  table(rows: readonly (readonly string[])[]): void
  paint(style: Style, text: string): string
}

export type Who = 'Kibana' | 'Portcullis' | 'Cloudflare' | 'Elastic' | 'a colleague' | 'trouble'

const STYLES: Record<Who, Style> = {
  Kibana: 'yellow',
  Portcullis: 'cyan',
  Cloudflare: 'magenta',
  Elastic: 'yellow',
  'a colleague': 'blue',
  trouble: ['red', 'bold'],
}
const WHO_WIDTH = 11
const TIME_WIDTH = 7
const NARROWEST = 60
const WIDEST = 100

/** `now`: milliseconds since the story began. */
export function createPage(stream: NodeJS.WriteStream, now: () => number): Page {
  const width = Math.min(WIDEST, Math.max(NARROWEST, stream.columns ?? 80))
  const paint = (style: Style, text: string) => styleText(style, text, { stream })
  const line = (text = '') => void stream.write(text === '' ? '\n' : `  ${text}\n`)
  return {
    tell(who, text, style) {
      const time = `${(now() / 1000).toFixed(2)}s`.padStart(TIME_WIDTH)
      const [first = '', ...rest] = wrap(text, width - TIME_WIDTH - WHO_WIDTH - 6)
      const painted = (part: string) => (style === undefined ? part : paint(style, part))
      line(`${paint('dim', time)}  ${paint(STYLES[who], who.padEnd(WHO_WIDTH))}  ${painted(first)}`)
      for (const part of rest) line(`${' '.repeat(TIME_WIDTH + WHO_WIDTH + 4)}${painted(part)}`)
    },
    heading(text) {
      line()
      line(paint('bold', text))
    },
    line,
    text(words) {
      for (const part of wrap(words, width - 4)) line(part)
    },
    table(rows) {
      const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => lengthOf(row[column] ?? ''))))
      for (const [index, row] of rows.entries()) {
        const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
        line(index === 0 ? paint('dim', cells.join(' ').trimEnd()) : cells.join(' ').trimEnd())
      }
    },
    paint,
  }
}

/** Broken at spaces; a word that is longer than a line stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function lengthOf(cell: string): number {
  return stripVTControlCharacters(cell).length
}
