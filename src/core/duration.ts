/**
 * Milliseconds of a duration: whole numbers with `w`, `d`, `h`, `m`, `s`, each at most once, in this order, or `forever`.
 * null: for ever. undefined: not a duration, or none between one second and 36,500 days (dates end somewhere).
 *
 * 90s · 30m · 1h30m · 24h · 7d · 1w · forever
 */
export function parseDuration(text: string): number | null | undefined {
  if (text === 'forever') return null
  const counts = /^(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(text)?.slice(1)
  if (counts === undefined) return undefined
  const ms = counts.reduce((sum, count, i) => sum + Number(count ?? 0) * (UNITS[i] as readonly [string, number])[1], 0)
  return ms > 0 && ms <= LONGEST ? ms : undefined
}

/** The shortest text in days, hours, minutes and seconds ("1h30m", "7d"), to the nearest second; null is "forever". */
export function formatDuration(ms: number | null): string {
  if (ms === null) return 'forever'
  let rest = Math.max(0, Math.round(ms / 1000)) * 1000
  let text = ''
  for (const [unit, length] of UNITS.slice(1)) {
    const count = Math.floor(rest / length)
    if (count > 0) text += `${count}${unit}`
    rest -= count * length
  }
  return text === '' ? '0s' : text
}

const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

const LONGEST = 36_500 * 86_400_000
