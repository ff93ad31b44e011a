import { parseTerm, type Term } from '../address.ts'
import { ExpressionError } from './expression-error.ts'
import { SENTINEL } from './serialize.ts'
import { type Token, tokenize } from './tokenize.ts'

/** An expression as an `or` chain: what is ours in it, and everything else. */
export interface Expression {
  /** In order, each once, without the sentinel. */
  readonly terms: readonly Term[]
  /** The other operands, in order, to the letter. */
  readonly clauses: readonly string[]
}

/**
 * Reads an expression of Cloudflare's rules language as far as we need it; throws an ExpressionError where that fails.
 *
 * (ip.src eq 1.1.1.1) or ssl            ->  1.1.1.1             | ssl
 * ip.src in {1.1.1.1 2.0.0.0/8}or(ssl)  ->  1.1.1.1, 2.0.0.0/8  | (ssl)
 * (ip.src eq 1.1.1.1 or ssl)            ->  1.1.1.1             | ssl
 * ip.src eq 1.1.1.1 and ssl             ->                      | ip.src eq 1.1.1.1 and ssl
 */
export function parseExpression(text: string): Expression {
  const tokens = tokenize(text)
  const operands = readChain({ text, tokens }, 0, tokens.length)
  const terms = new Map<string, Term>()
  for (const term of operands.flatMap((operand) => operand.terms ?? []))
    terms.set(term.text, terms.get(term.text) ?? term)
  terms.delete(SENTINEL)
  return { terms: [...terms.values()], clauses: operands.flatMap((operand) => operand.clause ?? []) }
}

interface Source {
  readonly text: string
  readonly tokens: readonly Token[]
}

/** Ours has `terms`, anybody else's a `clause`. */
type Operand =
  | { readonly terms: readonly Term[]; readonly clause?: never }
  | { readonly terms?: never; readonly clause: string }

/** `or` binds loosest of all, so its operands are whatever lies between two of them. */
function readChain(source: Source, from: number, to: number): Operand[] {
  const operands: Operand[] = []
  let start = from
  for (let i = from; i < to; i++) {
    const token = source.tokens[i] as Token
    if (token.kind === 'open') i = token.partner
    if (token.kind !== 'or') continue
    operands.push(...readOperand(source, start, i))
    start = i + 1
  }
  return [...operands, ...readOperand(source, start, to)]
}

function readOperand(source: Source, from: number, to: number): Operand[] {
  const [first, last] = [source.tokens[from] as Token, source.tokens[to - 1] as Token]
  const clause = source.text.slice(first.start, last.end)
  if (source.text[first.start] === '(' && first.partner === to - 1) {
    const inner = readChain(source, from + 1, to - 1)
    // Parentheses around other people's operands alone are theirs.
    return inner.some((operand) => operand.terms !== undefined) ? inner : [{ clause }]
  }
  const terms = readOwn(source.text, first.start, clause)
  return [terms === null ? { clause } : { terms }]
}

const EQUALS = /^ip\.src(?:[ \r\n]+eq|[ \r\n]*==)[ \r\n]*([\w.:/]+)$/d
const IN_SET = /^ip\.src[ \r\n]+in[ \r\n]*\{([^{}]*)\}$/d

function readOwn(source: string, start: number, operand: string): Term[] | null {
  const match = EQUALS.exec(operand) ?? IN_SET.exec(operand)
  if (match === null) return null
  const [, content = ''] = match
  const place = start + (match.indices?.[1]?.[0] ?? 0)
  const single = !operand.endsWith('}')
  return Array.from(content.matchAll(/[^ \r\n]+/g), ({ 0: item, index }) => {
    const term = parseTerm(item)
    if (term === null || (single && /\/|\.\./.test(item)))
      throw new ExpressionError(source, place + index, single ? 'not an address' : 'not an address, a CIDR or a range')
    return term
  })
}
