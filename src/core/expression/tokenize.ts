import { ExpressionError } from './expression-error.ts'

/**
 * A piece of Cloudflare's rules language. `word`: a field, function, operator or literal. `joint`: and, xor. `mark`: other
 * punctuation. For an opening or closing bracket, `partner` is the index of the token that closes or opens it; else -1.
 */
export interface Token {
  readonly kind: 'word' | 'or' | 'joint' | 'not' | 'mark' | 'open' | 'close' | 'string'
  readonly start: number
  readonly end: number
  readonly partner: number
}

/** Nesting that Cloudflare's own parser takes. */
export const MAX_DEPTH = 128

/**
 * Cuts an expression into tokens, with balanced brackets, closed strings and an operand on each side of every operator;
 * throws an ExpressionError otherwise. What stands between two operators is not judged: Cloudflare took it, and its
 * language grows.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  const open: number[] = []
  let index = 0
  while (index < source.length) {
    const found = scan(source, index, tokens.at(-1))
    const token = { kind: found.kind, start: index, end: found.end, partner: -1 }
    index = found.end
    if (found.kind === 'white') continue
    if (found.kind === 'open') open.push(tokens.length)
    if (open.length > MAX_DEPTH)
      throw new ExpressionError(source, token.start, `nested deeper than ${MAX_DEPTH} brackets`)
    if (found.kind === 'close') {
      token.partner = open.pop() ?? -1
      const opening = tokens[token.partner]
      if (opening === undefined || CLOSING[source.charAt(opening.start)] !== source.charAt(token.start))
        throw new ExpressionError(source, token.start, 'a closing bracket without its opening one')
      tokens[token.partner] = { ...opening, partner: tokens.length }
    }
    tokens.push(token as Token)
  }
  const unclosed = tokens[open.at(-1) ?? -1]
  if (unclosed !== undefined) throw new ExpressionError(source, unclosed.start, 'a bracket that is never closed')
  checkOperands(source, tokens)
  return tokens
}

interface Found {
  readonly kind: Token['kind'] | 'white'
  readonly end: number
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

// TAB is no white space in this language. A word ends before a raw string that touches it, as in `eqr"a"`, and before an
// `or` that touches a literal, as in `1.2.3.4or`.
const SCANNER =
  /(?<white>[ \r\n]+)|(?<raw>r(?<hashes>#*)")|(?<word>(?:\d|[\da-fA-F]*:)[\da-fA-F:./]*(?=or)|[\w.:/$]+?(?=r#*")|[\w.:/$]+)|(?<mark>==|!=|<=|>=|&&|\|\||\^\^|[<>~!&,*+-])|(?<open>[([{])|(?<close>[)\]}])|(?<quote>")/y

function scan(source: string, index: number, previous: Token | undefined): Found {
  SCANNER.lastIndex = index
  const groups = SCANNER.exec(source)?.groups
  if (groups === undefined) throw new ExpressionError(source, index, 'a character that has no meaning here')
  const end = SCANNER.lastIndex
  if (groups.white !== undefined) return { kind: 'white', end }
  if (groups.raw !== undefined) return { kind: 'string', end: endOfRaw(source, index, end, groups.hashes ?? '') }
  if (groups.quote !== undefined) return { kind: 'string', end: endOfQuoted(source, index, isRegex(source, previous)) }
  if (groups.open !== undefined) return { kind: 'open', end }
  if (groups.close !== undefined) return { kind: 'close', end }
  const text = groups.word ?? groups.mark ?? ''
  // Behind a complete operand only an operator can follow, and it needs no space: `)orssl`.
  if (text.startsWith('or') && (previous?.kind === 'close' || previous?.kind === 'string'))
    return { kind: 'or', end: index + 2 }
  return { kind: OPERATORS[text] ?? (groups.word === undefined ? 'mark' : 'word'), end }
}

const OPERATORS: Readonly<Record<string, Token['kind']>> = Object.assign(Object.create(null), {
  or: 'or',
  '||': 'or',
  and: 'joint',
  '&&': 'joint',
  xor: 'joint',
  '^^': 'joint',
  not: 'not',
  '!': 'not',
})

function endOfRaw(source: string, start: number, body: number, hashes: string): number {
  if (hashes.length > 255) throw new ExpressionError(source, start, 'a raw string with more than 255 "#"')
  const close = source.indexOf(`"${hashes}`, body)
  if (close < 0) throw new ExpressionError(source, start, 'a string that is never closed')
  return close + 1 + hashes.length
}

/** In the pattern of `matches` and `~` a quote inside `[…]` does not end the string. */
function endOfQuoted(source: string, start: number, regex: boolean): number {
  let inClass = false
  for (let i = start + 1; i < source.length; i++) {
    const char = source[i]
    if (char === '\\') i++
    else if (char === '"' && !inClass) return i + 1
    else if (regex && char === '[') inClass = true
    else if (regex && char === ']') inClass = false
  }
  throw new ExpressionError(source, start, 'a string that is never closed')
}

function isRegex(source: string, previous: Token | undefined): boolean {
  if (previous === undefined) return false
  const text = source.slice(previous.start, previous.end)
  return text === 'matches' || text === '~'
}

function checkOperands(source: string, tokens: readonly Token[]): void {
  for (let i = 0; i <= tokens.length; i++) {
    const [before, token] = [tokens[i - 1], tokens[i]]
    const awaited = before === undefined || before.kind === 'or' || before.kind === 'joint' || before.kind === 'not'
    const opened = before?.kind === 'open' && source[before.start] === '('
    const operator = token?.kind === 'or' || token?.kind === 'joint'
    // `f()` has no operand to miss.
    const ends = token === undefined || (token.kind === 'close' && !(opened && tokens[i - 2]?.kind === 'word'))
    if ((awaited || opened) && (operator || ends))
      throw new ExpressionError(source, token?.start ?? source.length, 'an operand is missing')
  }
}
