import { automaticBan, parseAddress, parseTerm } from './address.ts'
import { type Ban, isLive } from './ban.ts'

/** An address as an item can hold it; null: no item can. `wide`: single IPv6 addresses are not taken, their /64 is. */
export function itemText(address: string, wide: boolean): string | null {
  const term = parseTerm(address)
  const network = term === null || term.text.includes('..') ? null : parseAddress(term.text)
  if (term === null || network === null) return null
  if (network.family !== term.family) return wide ? null : term.text
  // Cloudflare's own bounds of an item.
  if (network.prefix < (network.family === 4 ? 8 : 12)) return null
  return wide ? automaticBan(network).text : term.text
}

/** Which Portcullis wrote an item: the id of its store; null: a person did. */
export function writerOf(comment: string): string | null {
  return /^portcullis ([0-9a-f]{12}): /.exec(comment)?.[1] ?? null
}

/**
 * Whose, why and until when, for people who look at the list: `portcullis 1f3a…: Web scan, until 2026-05-01T12:00:00Z`. At most
 * 500 characters. An end that moves later is not written again.
 */
export function commentOf(ban: Ban, store: string, now: Date): string {
  const live = ban.reasons.filter((reason) => isLive(reason, now))
  const why = [...new Set(live.map(({ origin, id, note }) => clean(origin === 'operator' ? `${id} ${note}` : note)))]
  const ends = live.map(({ until, durationMs }) => {
    return until ?? (durationMs === null ? null : new Date(now.getTime() + durationMs).toISOString())
  })
  const end = ends.includes(null) ? 'for good' : `until ${(ends as string[]).sort().at(-1)?.slice(0, 16) ?? '?'}Z`
  return `portcullis ${store}: ${[...why.join('; ')].slice(0, 400).join('')}, ${end}`
}

/** Rule names are other people's text: no control or invisible characters, one line, not too long. */
function clean(text: string): string {
  const plain = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return [...plain].slice(0, 200).join('')
}
