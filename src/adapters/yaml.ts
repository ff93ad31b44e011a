import { isAlias, isCollection, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml'

export type Path = readonly (string | number)[]
export interface Place {
  readonly line: number
  readonly column: number
}
export interface Mistake extends Place {
  readonly message: string
}

/** A YAML text as data that still knows where everything stood; `value` is undefined when there are mistakes. */
export interface Located {
  readonly value: unknown
  readonly mistakes: readonly Mistake[]
  /** Where the value at this path stands, or its key; the nearest thing above where there is neither. Lines and columns from 1. */
  placeOf(path: Path, part: 'key' | 'value'): Place
}

export function parseYaml(text: string): Located {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, stringKeys: true })
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const mistakes: Mistake[] = [...document.errors, ...document.warnings].map((problem) => ({
    ...at(problem.pos[0]),
    message: firstLine(problem.message),
  }))
  let value: unknown
  if (mistakes.length === 0) {
    try {
      // Aliases that multiply each other could fill the memory from a few lines.
      value = document.toJS({ maxAliasCount: 50 })
      if (isWithinItself(value, [])) throw new Error('an alias stands within what it names, which has no end')
    } catch (error) {
      value = undefined
      mistakes.push({ line: 1, column: 1, message: firstLine((error as Error).message) })
    }
  }
  return {
    value,
    mistakes,
    placeOf(path, part) {
      return at(offsetOf(document, path, part))
    },
  }
}

function isWithinItself(value: unknown, above: readonly object[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return above.includes(value) || Object.values(value).some((inner) => isWithinItself(inner, [...above, value]))
}

function offsetOf(document: ReturnType<typeof parseDocument>, path: Path, part: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = start(node) ?? 0
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    if (!isCollection(node)) break
    if (isMap(node)) {
      const pair = (node.items as Pair[]).find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      if (!pair) break
      const wantsKey = part === 'key' && depth === path.length - 1
      offset = (wantsKey ? start(pair.key) : (start(pair.value) ?? start(pair.key))) ?? offset
      node = pair.value
    } else {
      node = node.items[Number(step)]
      offset = start(node) ?? offset
    }
  }
  return offset
}

function start(node: unknown): number | null {
  return (node as Node | null | undefined)?.range?.[0] ?? null
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? ''
}
