import ipaddr from 'ipaddr.js'

export interface FilterOptions {
  /** Whether `in {}` can be read. What Cloudflare does is not known. */
  readonly emptySets: boolean
  /** The kind of the account's list of this name, null when there is none; absent: every name is taken. */
  readonly listKind?: ((name: string) => string | null) | undefined
}

/** Null when the expression can be read, else what Cloudflare's parser would say, with line, column and caret. */
export function parseFilter(text: string, options: FilterOptions): string | null {
  const state: State = { ...options, text, at: 0 }
  try {
    chain(state, 0)
    if (state.at < text.length) fail(state, 'unrecognised input')
    return null
  } catch (error) {
    if (error instanceof Unreadable) return error.message
    throw error
  }
}

class Unreadable extends Error {}

interface State extends FilterOptions {
  readonly text: string
  at: number
}

/** First words of the fields there are. */
const ROOTS = new Set(['http', 'ip', 'cf', 'ssl', 'tcp', 'udp', 'raw', 'icmp', 'true', 'false'])
const OPERATORS =
  /(?:strict wildcard|wildcard|bitwise_and|contains|matches|in|eq|ne|le|lt|ge|gt|==|!=|<=|>=|<|>|~|&(?!&))/y
const MAX_DEPTH = 128

function chain(state: State, depth: number): void {
  for (;;) {
    skip(state)
    simple(state, depth)
    skip(state)
    if (!match(state, /(?:or|and|xor|\|\||&&|\^\^)/y)) return
  }
}

function simple(state: State, depth: number): void {
  if (depth > MAX_DEPTH) fail(state, 'maximum nesting depth exceeded')
  if (match(state, /(?:not(?![a-z0-9_.])|!(?!=))/y)) {
    skip(state)
    simple(state, depth + 1)
    return
  }
  if (match(state, /\(/y)) {
    chain(state, depth + 1)
    skip(state)
    if (!match(state, /\)/y)) fail(state, 'expected ")"')
    return
  }
  const left = operand(state, depth)
  skip(state)
  const before = state.at
  const operator = match(state, OPERATORS)
  if (operator === null) return
  skip(state)
  if (operator === 'in') {
    set(state, left)
    return
  }
  if (left.kind === 'ip' && !['eq', 'ne', '==', '!='].includes(operator)) {
    state.at = before
    fail(state, `cannot perform this operation on type Ip`)
  }
  if (left.kind === 'ip') address(state, false)
  else literal(state)
}

/** A field with its indexes, or a call of a function. */
function operand(state: State, depth: number): { kind: 'ip' | 'other' } {
  const start = state.at
  const name = match(state, /[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*/y)
  if (name === null) fail(state, 'expected an expression')
  if (match(state, /\(/y)) {
    do {
      skip(state)
      argument(state, depth + 1)
      skip(state)
    } while (match(state, /,/y))
    if (!match(state, /\)/y)) fail(state, 'expected ")"')
  } else if (!ROOTS.has(name.split('.')[0] ?? '')) {
    state.at = start
    fail(state, 'unknown identifier', name.length)
  }
  while (match(state, /\[/y)) {
    if (!match(state, /\*|\d+/y)) string(state)
    if (!match(state, /\]/y)) fail(state, 'expected "]"')
  }
  return { kind: /^ip\.(src|dst)$|server_ip$/.test(name) ? 'ip' : 'other' }
}

function argument(state: State, depth: number): void {
  if (/^(?:r#*)?"/.test(state.text.slice(state.at, state.at + 260))) string(state)
  else if (!match(state, /-?\d+/y)) chain(state, depth)
}

function set(state: State, left: { kind: 'ip' | 'other' }): void {
  const list = match(state, /\$[a-z0-9_]+(?:\.[a-z0-9_]+)*/y)
  if (list !== null) {
    checkList(state, list, left)
    return
  }
  const open = state.at
  if (!match(state, /\{/y)) fail(state, "expected character '{' or '$'")
  for (let items = 0; ; items += 1) {
    skip(state)
    if (match(state, /\}/y)) {
      if (items === 0 && !state.emptySets) {
        state.at = open
        fail(state, 'expected at least one item')
      }
      return
    }
    if (left.kind === 'ip') address(state, true)
    else literal(state)
  }
}

/** Cloudflare's own lists have a dot in their names. */
function checkList(state: State, list: string, left: { kind: 'ip' | 'other' }): void {
  if (state.listKind === undefined || list.includes('.')) return
  const kind = state.listKind(list.slice(1))
  if (kind !== null && (kind === 'ip') === (left.kind === 'ip')) return
  state.at -= list.length
  const reason = kind === null ? `could not find list "${list.slice(1)}", it does not exist` : `list is of kind ${kind}`
  fail(state, reason, list.length)
}

function address(state: State, inSet: boolean): void {
  const start = state.at
  const text = match(state, /[0-9A-Fa-f:.]+?(?:\.\.[0-9A-Fa-f:.]+|\/\d+)?(?=[\s})]|$)/y)
  if (text === null) fail(state, "couldn't parse address in network: invalid IP address syntax")
  const bad = wrongAddress(text, inSet)
  if (bad === null) return
  state.at = start
  fail(state, bad, text.length)
}

function wrongAddress(text: string, inSet: boolean): string | null {
  const [first = '', last] = text.split('..')
  if (last !== undefined) {
    if (!inSet || !isAddress(first) || !isAddress(last)) return 'invalid IP address syntax'
    const [a, b] = [ipaddr.parse(first), ipaddr.parse(last)]
    const ordered = a.kind() === b.kind() && Buffer.compare(bytes(a), bytes(b)) <= 0
    return ordered ? null : 'incompatible range bounds'
  }
  const [base = '', prefix] = text.split('/')
  if (!isAddress(base)) return 'invalid IP address syntax'
  if (prefix === undefined) return null
  if (!inSet) return 'unrecognised input'
  const parsed = ipaddr.parse(base)
  const bits = Number(prefix)
  if (bits > (parsed.kind() === 'ipv4' ? 32 : 128)) return 'invalid length for network'
  return hostBits(bytes(parsed), bits) ? 'host part of address was not zero' : null
}

function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

function bytes(address: ipaddr.IPv4 | ipaddr.IPv6): Buffer {
  return Buffer.from(address.toByteArray())
}

function hostBits(address: Buffer, prefix: number): boolean {
  return address.some((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8))
    return (byte & (0xff >> kept)) !== 0
  })
}

function literal(state: State): void {
  if (match(state, /-?(?:0x[0-9a-fA-F]+|\d+)(?:\.\.-?\d+)?(?![\w.:])/y)) return
  if (match(state, /[0-9A-Fa-f:]*[.:][0-9A-Fa-f:./]*/y)) return
  if (match(state, /(?:true|false)(?![a-z0-9_.])/y)) return
  string(state)
}

function string(state: State): void {
  const raw = match(state, /r#{0,255}"/y)
  if (raw !== null) {
    const end = state.text.indexOf(`"${'#'.repeat(raw.length - 2)}`, state.at)
    if (end < 0) fail(state, 'missing ending quote')
    state.at = end + raw.length - 1
    return
  }
  if (!match(state, /"/y)) fail(state, 'expected a literal')
  for (;;) {
    if (match(state, /[^"\\]+/y)) continue
    if (match(state, /"/y)) return
    if (state.at >= state.text.length) fail(state, 'missing ending quote')
    if (!match(state, /\\(?:["\\*]|x[0-9a-fA-F]{2}|[0-7]{3}|[.dDwWsSbB/()[\]{}+?^$|-])/y))
      fail(state, 'invalid character escape')
  }
}

/** Space, CR and LF only: TAB is no white space in this language. */
function skip(state: State): void {
  match(state, /[ \r\n]+/y)
}

function match(state: State, pattern: RegExp): string | null {
  pattern.lastIndex = state.at
  const found = pattern.exec(state.text)
  if (!found) return null
  state.at += found[0].length
  return found[0]
}

function fail(state: State, reason: string, width = 1): never {
  const before = state.text.slice(0, state.at).split('\n')
  const column = (before.at(-1) ?? '').length
  const line = state.text.split('\n')[before.length - 1] ?? ''
  throw new Unreadable(
    `Filter parsing error (${before.length}:${column + 1}):\n${line}\n${' '.repeat(column)}${'^'.repeat(width)} ${reason}\n`,
  )
}
