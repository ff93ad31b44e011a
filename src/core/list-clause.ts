import { parseExpression } from './expression/parse.ts'

/** The operand by which a rule stops whoever is in the list. */
export function listClause(name: string): string {
  return `(ip.src in $${name})`
}

/**
 * Whether one of a rule's foreign operands names the list, in whatever parentheses:
 *
 * ip.src in $portcullis · ((ip.src in $portcullis)) · (ssl or ip.src in $portcullis)   yes
 * ip.src in $portcullis and ssl · not ip.src in $portcullis · ip.src in $portcullis2   no
 */
export function hasListClause(clauses: readonly string[], name: string): boolean {
  return clauses.some((clause) => {
    if (isListClause(clause, name)) return true
    const inner = unwrapped(clause)
    if (inner === clause) return false
    try {
      const { clauses } = parseExpression(inner)
      return clauses.length > 1 && hasListClause(clauses, name)
    } catch {
      return false
    }
  })
}

/** The very same where it stands already. */
export function withListClause(clauses: readonly string[], name: string): readonly string[] {
  return hasListClause(clauses, name) ? clauses : [...clauses, listClause(name)]
}

/** The very same where none of the operands is the clause alone. */
export function withoutListClause(clauses: readonly string[], name: string): readonly string[] {
  const left = clauses.filter((clause) => !isListClause(clause, name))
  return left.length === clauses.length ? clauses : left
}

/** Whether a rule of somebody else stops whoever is in the list: it names it, and not only behind a `not`. */
export function namesList(expression: string, name: string): boolean {
  const text = expression.replace(/r(#*)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"/g, '""')
  const inList = new RegExp(
    `(\\b(?:not|eq|ne)\\b|[!=])?[ \\r\\n(]*ip\\.src[ \\r\\n]+in[ \\r\\n]*\\$${name}(?![a-z0-9_.])`,
    'g',
  )
  return [...text.matchAll(inList)].some((found) => found[1] === undefined)
}

function isListClause(clause: string, name: string): boolean {
  const text = unwrapped(clause).replace(/[ \r\n]+/g, ' ')
  return text === `ip.src in $${name}` || text === `ip.src in$${name}`
}

/** Without the parentheses that enclose all of it. */
function unwrapped(clause: string): string {
  const text = clause.replace(/^[ \r\n]+|[ \r\n]+$/g, '')
  if (!text.startsWith('(') || !enclosesAll(text)) return text
  return unwrapped(text.slice(1, -1))
}

function enclosesAll(text: string): boolean {
  try {
    // Only what is balanced without the outer pair was enclosed by it: `(a) or (b)` is not.
    parseExpression(text.slice(1, -1))
    return text.endsWith(')')
  } catch {
    return false
  }
}
