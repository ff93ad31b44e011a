import { plain } from './terminal.ts'

/** Columns under their heads, as wide as they have to be; the last one may run on. Text of others is made harmless. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heads, ...rows].map((row) => row.map(plain))
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `4m ago`, `in 23h`; two units at most. */
export function relative(iso: string | null, now: Date): string {
  if (iso === null) return 'never'
  const ms = Date.parse(iso) - now.getTime()
  if (Number.isNaN(ms)) return plain(iso)
  const span = spanOf(Math.abs(ms))
  return ms > 0 ? `in ${span}` : `${span} ago`
}

/** `3d4h`, `4m10s`, `12s`. */
export function spanOf(ms: number): string {
  let rest = Math.round(ms / 1000)
  const parts: string[] = []
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds)
    if (count > 0) parts.push(`${count}${unit}`)
    rest -= count * seconds
  }
  return parts.slice(0, 2).join('') || '0s'
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** `██████░░░░`, full at 1. */
export function bar(share: number, width = 24): string {
  const full = Math.min(width, Math.max(0, Math.round(share * width)))
  return '█'.repeat(full) + '░'.repeat(width - full)
}
