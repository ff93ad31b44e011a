import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'

/** One change of a text as it travels. */
export interface Scar {
  readonly how: 'cut' | 'byte' | 'insert' | 'repeat' | 'bom' | 'key' | 'deep' | 'tail' | 'spaces'
  readonly at: number
  readonly byte: number
}

const HOWS = ['cut', 'byte', 'insert', 'repeat', 'bom', 'key', 'deep', 'tail', 'spaces'] as const
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '{{',
  '%',
  '\u0000',
  '\n',
  '{"_id":"z"}',
  'null',
  '\\ud800',
  '1e999',
]

export function scars(most: number): fc.Arbitrary<Scar[]> {
  const scar = fc.record({ how: fc.constantFrom(...HOWS), at: fc.nat(100_000), byte: fc.nat(255) })
  return fc.array(scar, { minLength: 0, maxLength: most })
}

/** The text as bytes, with the scars. */
export function scarred(text: string, made: readonly Scar[]): Buffer<ArrayBuffer> {
  let bytes: Buffer<ArrayBuffer> = Buffer.from(text)
  for (const { how, at, byte } of made) {
    const place = bytes.length === 0 ? 0 : at % bytes.length
    const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
    const piece = Buffer.from(PIECES[byte % PIECES.length] ?? '')
    if (how === 'cut') bytes = before
    if (how === 'byte') bytes = Buffer.concat([before, Buffer.from([byte]), after.subarray(1)])
    if (how === 'insert') bytes = Buffer.concat([before, piece, after])
    if (how === 'repeat') bytes = Buffer.concat([bytes, Buffer.from(byte % 2 === 0 ? ',' : ''), bytes])
    if (how === 'bom') bytes = Buffer.concat([Buffer.from('\ufeff'), bytes])
    if (how === 'tail') bytes = Buffer.concat([bytes, piece])
    if (how === 'spaces') bytes = Buffer.concat([before, Buffer.alloc(1_000, byte % 2 === 0 ? ' ' : '\n'), after])
    // A key that is there a second time, with another value.
    if (how === 'key') bytes = replaced(bytes, '{', `{"_id":"twice","source":{"ip":"198.51.100.${byte}"},`, at)
    if (how === 'deep') bytes = replaced(bytes, ':', `:${'['.repeat(byte)}0${']'.repeat(byte)},"d":`, at)
  }
  return bytes
}

/** The encodings that a sender may name, with what he really sends: mostly the same. */
export function encoded(body: Buffer<ArrayBuffer>, really: string): Buffer<ArrayBuffer> {
  if (really === 'gzip') return gzipSync(body)
  if (really === 'deflate') return deflateSync(body)
  return really === 'br' ? brotliCompressSync(body) : body
}

function replaced(bytes: Buffer<ArrayBuffer>, what: string, by: string, at: number): Buffer<ArrayBuffer> {
  const text = bytes.toString('latin1')
  const places = [...text.matchAll(new RegExp(`\\${what}`, 'g'))].map(({ index }) => index)
  const place = places[at % Math.max(1, places.length)]
  if (place === undefined) return bytes
  return Buffer.from(text.slice(0, place) + by + text.slice(place + 1), 'latin1')
}
