import { remembered } from './remembered.ts'

/** An object as it came out of JSON: its own keys are all that is ever looked at. */
export type Json = Readonly<Record<string, unknown>>

/**
 * What stands at a dotted path, whether the document spells it dotted, nested or mixed; null counts as absent.
 *
 * {"a.b": {"c": 1}}, {"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}  at a.b.c  ->  1
 */
export function field(doc: unknown, path: string): unknown {
  return collect(doc, keysOf(path), 0, (value) => value)
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
  collect(doc, keysOf(path), 0, (value) => (take(value, 0) ? value : undefined))
  return found
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Elasticsearch takes arrays within arrays for one flat list; nobody means it deeper than this. */
const MAX_NESTED_ARRAYS = 8

/** Of each part of a path, the keys that begin with it, the longest first. */
type Keys = readonly (readonly string[])[]

// The same few dozen paths are asked of every alert.
const keysOf = remembered(cutUp, 1000)

function cutUp(path: string): Keys {
  const parts = path.split('.')
  return parts.map((_, from) => parts.slice(from).map((_, cut) => parts.slice(from, parts.length - cut).join('.')))
}

/** Offers each non-null value at the path, from its part `from` on, to `take`, until it returns something. */
function collect(doc: unknown, keys: Keys, from: number, take: (value: unknown) => unknown): unknown {
  if (Array.isArray(doc)) {
    for (const item of doc) {
      // Arrays of arrays hold no fields: going into them only follows whoever nests them.
      const found = isObject(item) ? collect(item, keys, from, take) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(doc)) return undefined
  let next = keys.length
  for (const key of keys[from] as readonly string[]) {
    const value = Object.hasOwn(doc, key) ? doc[key] : undefined
    if (value !== undefined && value !== null) {
      const found = next === keys.length ? take(value) : collect(value, keys, next, take)
      if (found !== undefined) return found
    }
    next--
  }
  return undefined
}
