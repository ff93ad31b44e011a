/** An object as it came out of JSON: its own keys are all that is ever looked at. */
export type Json = Readonly<Record<string, unknown>>

/**
 * What stands at a dotted path, whether the document spells it dotted, nested or mixed; null counts as absent.
 *
 * {"a.b": {"c": 1}}, {"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}  at a.b.c  ->  1
 */
export function field(doc: unknown, path: string): unknown {
  return collect(doc, path.split('.'), (value) => value)
}

/**
 * Every value at the path, from all spellings, arrays (also of objects on the way) taken apart, null and '' left out.
 * Stops at `limit` values.
 */
export function fieldValues(doc: unknown, path: string, limit: number): unknown[] {
  const found: unknown[] = []
  const take = (value: unknown, depth: number): boolean => {
    if (Array.isArray(value) && depth < MAX_NESTED_ARRAYS) return value.some((item) => take(item, depth + 1))
    if (value !== null && value !== '') found.push(value)
    return found.length >= limit
  }
  collect(doc, path.split('.'), (value) => (take(value, 0) ? value : undefined))
  return found
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Elasticsearch takes arrays within arrays for one flat list; nobody means it deeper than this. */
const MAX_NESTED_ARRAYS = 8

/** Offers each non-null value at the path to `take`, until it returns something. Tries the longest key first. */
function collect(doc: unknown, parts: readonly string[], take: (value: unknown) => unknown): unknown {
  if (Array.isArray(doc)) {
    for (const item of doc) {
      // Arrays of arrays hold no fields: going into them only follows whoever nests them.
      const found = isObject(item) ? collect(item, parts, take) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(doc)) return undefined
  for (let length = parts.length; length > 0; length--) {
    const key = length === 1 ? (parts[0] as string) : parts.slice(0, length).join('.')
    const value = Object.hasOwn(doc, key) ? doc[key] : undefined
    if (value === undefined || value === null) continue
    const found = length === parts.length ? take(value) : collect(value, parts.slice(length), take)
    if (found !== undefined) return found
  }
  return undefined
}
