/** Where a text stops being JSON; `line` and `column` count from 1. */
export interface JsonFault {
  readonly offset: number
  readonly line: number
  readonly column: number
  readonly message: string
}

export type JsonValues =
  | { readonly kind: 'values'; readonly values: readonly unknown[] }
  | { readonly kind: 'fault'; readonly fault: JsonFault }

/**
 * The JSON values in a text: one document, or several that are separated by nothing, white space or commas. A blank
 * text holds none. Of a key that is repeated the last one counts; `__proto__` is a key like any other. Takes time
 * linear in the length, whatever the text, and at most some 150 MB beside it.
 */
export function parseJsonValues(text: string): JsonValues {
  const much = tooMuchAt(text)
  if (much !== null) return faultAt(text, much.at, much.what)
  try {
    return { kind: 'values', values: [JSON.parse(text)] }
  } catch {
    // Several documents, or none, or a mistake: the scan below tells which, and where.
  }
  const { spans, fault } = scan(text)
  const surplus = spans[MAX_VALUES]
  if (surplus !== undefined) return faultAt(text, surplus[0], `more than ${MAX_VALUES} documents`)
  if (fault !== null) return faultAt(text, fault, 'not JSON')
  return { kind: 'values', values: spans.map(([from, to]) => JSON.parse(text.slice(from, to))) }
}

/** Deeper than any alert; far below where recursive code runs out of stack or JSON.parse out of memory. */
const MAX_DEPTH = 100

/**
 * Brackets and commas: 64 MB of real alerts, 40 bytes for each value, have half of that. An empty object is 3 bytes of text and 60
 * of memory, so 64 MB of them would take 1.5 GB.
 */
const MAX_PARTS = 3_000_000

/** Kibana sends at most 5,000 alerts at once. */
const MAX_VALUES = 10_000

const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a

function tooMuchAt(text: string): { readonly at: number; readonly what: string } | null {
  let depth = 0
  let parts = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      parts++
      if (++depth > MAX_DEPTH) return { at, what: `nested deeper than ${MAX_DEPTH} levels` }
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--
    else if (code === COMMA) parts++
    if (parts > MAX_PARTS) return { at, what: `made of more than ${MAX_PARTS} parts` }
  }
  return null
}

/** Where the string that opens at `from` closes; the text's length when it does not. */
function endOfString(text: string, from: number): number {
  let at = from
  do {
    at = text.indexOf('"', at + 1)
    if (at < 0) return text.length
  } while (isEscaped(text, at))
  return at
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text.charCodeAt(before) === BACKSLASH) before--
  return (at - before) % 2 === 0
}

type Expecting = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end'

/** The top-level values as [from, to), and the offset of the first thing that JSON does not allow there. */
function scan(text: string): { spans: [number, number][]; fault: number | null } {
  const spans: [number, number][] = []
  const open: number[] = []
  let expecting: Expecting = 'value'
  let start = 0
  let at = 0

  const ended = (): Expecting => {
    if (open.length > 0) return 'comma-or-end'
    spans.push([start, at])
    return 'value'
  }

  for (;;) {
    at = skip(text, at, open.length === 0)
    if (at >= text.length) return { spans, fault: open.length === 0 ? null : text.length }
    if (open.length === 0) {
      if (spans.length > MAX_VALUES) return { spans, fault: at }
      start = at
    }
    const code = text.charCodeAt(at)
    const closes = open.at(-1) === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY

    if (code === closes && open.length > 0 && expecting.endsWith('end')) {
      open.pop()
      at++
      expecting = ended()
    } else if (expecting === 'colon' || expecting === 'comma-or-end') {
      if (code !== (expecting === 'colon' ? COLON : COMMA)) return { spans, fault: at }
      expecting = expecting === 'comma-or-end' && open.at(-1) === OPEN_OBJECT ? 'key' : 'value'
      at++
    } else if (expecting.startsWith('key')) {
      const end = code === QUOTE ? scanString(text, at) : { fault: at }
      if ('fault' in end) return { spans, fault: end.fault }
      at = end.at
      expecting = 'colon'
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      open.push(code)
      expecting = code === OPEN_OBJECT ? 'key-or-end' : 'value-or-end'
      at++
    } else {
      const end = code === QUOTE ? scanString(text, at) : scanWord(text, at)
      if ('fault' in end) return { spans, fault: end.fault }
      at = end.at
      expecting = ended()
    }
  }
}

const WORD = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/** Past white space, and past commas too where they only separate documents. */
function skip(text: string, from: number, commas: boolean): number {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isSpace = code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
    if (!isSpace && !(commas && code === COMMA)) break
  }
  return at
}

type Scanned = { readonly at: number } | { readonly fault: number }

function scanWord(text: string, from: number): Scanned {
  WORD.lastIndex = from
  return WORD.test(text) ? { at: WORD.lastIndex } : { fault: from }
}

function scanString(text: string, from: number): Scanned {
  let at = from + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return { at: at + 1 }
    if (code < 0x20) return { fault: at }
    if (code === BACKSLASH) {
      ESCAPE.lastIndex = at
      if (!ESCAPE.test(text)) return { fault: at }
      at = ESCAPE.lastIndex
    } else at++
  }
  return { fault: text.length }
}

function faultAt(text: string, offset: number, what: string): JsonValues {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  const column = offset - lineStart + 1
  const place = `${what} at line ${line}, column ${column}`
  return { kind: 'fault', fault: { offset, line, column, message: `${place}: ${around(text, offset)}` } }
}

function around(text: string, offset: number): string {
  if (text.trim() === '') return 'the text is empty'
  const shown = (from: number, to: number) => text.slice(Math.max(0, from), to).replace(/\s+/g, ' ').toWellFormed()
  if (offset >= text.length) return `the text ends too early, after \`${shown(offset - 30, offset)}\``
  return `unexpected \`${shown(offset, offset + 1)}\` near \`${shown(offset - 20, offset + 20)}\``
}
