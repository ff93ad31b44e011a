/** The same data without NUL and half surrogate pairs, which hostile text may hold and PostgreSQL's JSON refuses. */
export function storable<T>(data: T): T {
  const text = JSON.stringify(data)
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return data
  return repaired(JSON.parse(text)) as T
}

/** Text that every store takes. */
export function wellFormed(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

function repaired(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value)
  if (Array.isArray(value)) return value.map(repaired)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wellFormed(key), repaired(inner)]))
}
