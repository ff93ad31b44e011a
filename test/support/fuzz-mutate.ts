import fc from 'fast-check'

/** One change of a JSON document: where (modulo the number of places), how, and with what. */
export interface Cut {
  readonly at: number
  readonly how: 'replace' | 'drop' | 'double' | 'wrap' | 'unwrap' | 'rename' | 'add' | 'swap'
  readonly value: unknown
  readonly key: string
}

const HOWS = ['replace', 'drop', 'double', 'wrap', 'unwrap', 'rename', 'add', 'swap'] as const

/** Texts that mean something to somebody on the way: parsers, templates, terminals, the rules language, stores. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\ufeff',
  '\u202e\u001b[2J\u009b31m',
  '1.2.3.4) or (true',
  '203.0.113.66\n) or (http.host ne "',
  '203.0.113.66"',
  '203.0.113.66 203.0.113.67',
  '203.0.113.66}',
  '0203.0.0113.066',
  '3405803842',
  '0xcb007142',
  '203.0.113.066',
  '203.0.113.66/33',
  '203.0.113.66/0',
  '0.0.0.0/0',
  '::/0',
  '::ffff:203.0.113.66',
  '64:ff9b::203.0.113.66',
  '2002:cb00:7142::',
  'fe80::1%eth0',
  '203.0.113.1..203.0.113.9',
  '２０３.0.113.66',
  '203.0.113.66\u200b',
  '{{7 | times: 7}}',
  '{% include "/etc/passwd" %}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: another language's template
  '${{ consts }}',
  'error rendering mustache template "x": y',
  "'; DROP TABLE records; --",
  '</script><script>alert(1)</script>',
  '../../../../etc/passwd',
  '__proto__',
  'x'.repeat(10_000),
  '\u{1F600}'.repeat(500),
  '2026-13-45T99:99:99Z',
  '9'.repeat(400),
  'NaN',
  'true',
  'null',
]

export const HOSTILE_KEYS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', ' ', '0', '-1', '%', '%zz'],
  ...['_id', '_source', 'alerts', 'source.ip', 'kibana.space_ids', 'kibana.alert.uuid', 'a.b', '~0', '/', '\u0000'],
  ...['result', 'rules', 'success', 'errors', 'version', 'id', 'ref', 'expression', 'hits', '_shards', 'total'],
]

const scalar = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...HOSTILE_TEXTS) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, -1e-308, 2 ** 53, 999_999_999_999_999, 7.5),
  },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.ipV4(),
  fc.ipV6(),
)

/** Values of any kind, mostly bad ones. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(scalar, { maxLength: 4 }),
  fc.dictionary(fc.constantFrom(...HOSTILE_KEYS), scalar, { maxKeys: 4 }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.integer({ min: 1, max: 150 }).map((depth) => nested(depth)),
)

const hostileKey = fc.oneof(fc.constantFrom(...HOSTILE_KEYS), fc.string({ unit: 'binary', maxLength: 12 }))

/** At most so many cuts. */
export function cuts(most: number): fc.Arbitrary<Cut[]> {
  const cut = fc.record({ at: fc.nat(5_000), how: fc.constantFrom(...HOWS), value: hostileValue, key: hostileKey })
  return fc.array(cut, { minLength: 0, maxLength: most })
}

/** A copy of the document with the cuts made one after the other. */
export function mutated(document: unknown, made: readonly Cut[]): unknown {
  const top: Holder = { document: structuredClone(document) }
  for (const cut of made) {
    const places = placesIn(top)
    const place = places[cut.at % places.length]
    if (place !== undefined) change(place, cut, places)
  }
  return top.document
}

type Holder = Record<string, unknown> | unknown[]
interface Place {
  readonly holder: Holder
  readonly key: string | number
}

function placesIn(holder: Holder): Place[] {
  const keys = Array.isArray(holder) ? holder.keys() : Object.keys(holder)
  return [...keys].flatMap((key) => {
    const value = valueAt({ holder, key })
    return [{ holder, key }, ...(typeof value === 'object' && value !== null ? placesIn(value as Holder) : [])]
  })
}

function valueAt({ holder, key }: Place): unknown {
  return (holder as Record<string | number, unknown>)[key]
}

/** Also for keys like `__proto__`, which stay keys. */
function put(holder: Holder, key: string | number, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

function change(place: Place, { how, value, key, at }: Cut, places: readonly Place[]): void {
  const { holder } = place
  const now = valueAt(place)
  const fresh = structuredClone(value)
  if (how === 'replace') put(holder, place.key, fresh)
  if (how === 'wrap') put(holder, place.key, at % 2 === 0 ? [now] : { [key || 'x']: now })
  if (how === 'unwrap' && typeof now === 'object' && now !== null) put(holder, place.key, Object.values(now)[0])
  if (how === 'drop') {
    if (Array.isArray(holder)) holder.splice(Number(place.key), 1)
    else delete holder[place.key]
  }
  if (how === 'double' && Array.isArray(holder)) holder.splice(Number(place.key), 0, structuredClone(now))
  if (how === 'add') {
    if (Array.isArray(now)) now.push(fresh)
    else if (typeof now === 'object' && now !== null) put(now as Holder, key, fresh)
  }
  if (how === 'rename' && !Array.isArray(holder)) {
    delete holder[place.key]
    put(holder, key, now)
  }
  if (how === 'swap') {
    const other = places[(at * 31) % places.length]
    if (other !== undefined) put(holder, place.key, structuredClone(valueAt(other)))
  }
}

function nested(depth: number): unknown {
  let value: unknown = '203.0.113.66'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}
