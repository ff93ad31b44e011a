import { Buffer } from 'node:buffer'

/**
 * What stands in the set of an empty rule, for an expression must not be blank: an address of the documentation (RFC 5737)
 * that no client has. It is no ban, and is dropped on reading.
 */
export const SENTINEL = '192.0.2.1'

/**
 * Everybody else's clauses first, to the letter, then our set.
 *
 * ssl · a eq "b" + 1.1.1.1, 2.0.0.0/8  ->  ssl or a eq "b" or (ip.src in {1.1.1.1 2.0.0.0/8})
 * ssl                                  ->  ssl
 * nothing at all                       ->  (ip.src in {192.0.2.1})
 *
 * `terms` are canonical texts of terms: anything else throws, so that no text that merely arrived gets into a rule.
 */
export function serializeExpression(expression: {
  readonly terms: readonly string[]
  readonly clauses: readonly string[]
}): string {
  const { terms, clauses } = expression
  const stray = terms.find((term) => !/^[\da-f.:]+(?:\/\d+)?$/.test(term))
  if (stray !== undefined)
    throw new TypeError(`not the canonical text of an address: ${JSON.stringify(stray.slice(0, 100))}`)
  if (terms.length > 0) return [...clauses, setOf(terms)].join(' or ')
  return clauses.length > 0 ? clauses.join(' or ') : setOf([SENTINEL])
}

/** Bytes in UTF-8: Cloudflare does not say whether its limit counts characters or bytes, and bytes are never fewer. */
export function expressionLength(expression: string): number {
  return Buffer.byteLength(expression, 'utf8')
}

function setOf(terms: readonly string[]): string {
  return `(ip.src in {${terms.join(' ')}})`
}
