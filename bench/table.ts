import type { Kind } from './places.ts'
import type { Summary } from './statistics.ts'
import { type Measured, QUICK, type Results, SLOW_MS } from './suite.ts'

/** One line of the table. */
export interface Line {
  readonly what: string
  readonly floor: string
  readonly ours: string
  readonly ratio: string
  readonly target: string
  /** null: there is no target here. */
  readonly met: boolean | null
}

/** What issue 4 of the project asks for on Redis is shown on every store. */
export function linesOf(results: Results, kind: Kind): Line[] {
  const ours = results.stores[kind]
  if (!ours) return []
  const { floor, bareCalls, plan } = results
  return [
    ...burstLines(`${QUICK.alerts} alerts at ${QUICK.latencyMs} ms per call`, floor, ours),
    ...slowLines(`${plan.slow} alerts at ${SLOW_MS} ms per call`, floor, ours),
    line(
      'webhooks accepted, per second',
      ours.bareAccept,
      ours.accept,
      '0',
      '≥ 0.6 × bare Express + BullMQ',
      (ratio) => ratio >= 0.6,
    ),
    difference('one alert', bareCalls, ours.single, '≤ 15 ms over GET + PUT + status', (ms) => ms <= 15),
    plain('resident at rest, MB', floor.quick.restMb, ours.quick.restMb, '< 150', (mb) => mb < 150),
    plain('resident in the burst, MB', floor.slow.peakMb, ours.slow.peakMb, '< 250', (mb) => mb < 250),
  ]
}

/** Aligned columns for a terminal. */
export function textOf(title: string, lines: readonly Line[]): string {
  const rows = [
    ['', 'against', 'Portcullis', '', 'target', ''],
    ...lines.map((l) => [l.what, l.floor, l.ours, l.ratio, l.target, l.met === null ? '' : l.met ? 'met' : 'MISSED']),
  ]
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  const body = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [`\n${title}\n`, ...body, ''].join('\n')
}

function burstLines(what: string, floor: Measured, ours: Measured): Line[] {
  return [
    line(`${what}, ms`, floor.quick.ms, ours.quick.ms, '0', '≤ 3 × the floor', (ratio) => ratio <= 3),
    plain('  PUTs', floor.quick.puts, ours.quick.puts, '≤ 4', (puts) => puts <= 4),
    plain('  GETs', floor.quick.reads, ours.quick.reads, '', null),
    plain('  calls of Elasticsearch', floor.quick.updates, ours.quick.updates, '', null),
  ]
}

function slowLines(what: string, floor: Measured, ours: Measured): Line[] {
  const beyond = (bursts: Measured['slow']): Summary | null => {
    const { ms, acceptMs } = bursts
    return ms && acceptMs ? { ...ms, median: ms.median - acceptMs.median, least: 0, most: 0 } : null
  }
  const most = 2 * 3 * SLOW_MS
  return [
    line(`${what}, ms`, floor.slow.ms, ours.slow.ms, '0', '', null),
    plain('  to accept them, ms', floor.slow.acceptMs, ours.slow.acceptMs, '', null),
    plain(
      '  beyond that, ms',
      beyond(floor.slow),
      beyond(ours.slow),
      `≤ ${most} (2 × GET + PUT + status)`,
      (ms) => ms <= most,
    ),
    plain('  PUTs', floor.slow.puts, ours.slow.puts, '≤ 8', (puts) => puts <= 8),
    plain('  GETs', floor.slow.reads, ours.slow.reads, '', null),
    plain('  calls of Elasticsearch', floor.slow.updates, ours.slow.updates, '', null),
  ]
}

type Met = ((value: number) => boolean) | null

function line(what: string, floor: Summary | null, ours: Summary | null, digits: '0', target: string, met: Met): Line {
  const ratio = floor && ours ? ours.median / floor.median : null
  return {
    what,
    floor: shown(floor, digits),
    ours: shown(ours, digits),
    ratio: ratio === null ? '' : `× ${ratio.toFixed(2)}`,
    target,
    met: met === null || ratio === null ? null : met(ratio),
  }
}

function plain(what: string, floor: Summary | null, ours: Summary | null, target: string, met: Met): Line {
  const [a, b] = [shown(floor, '0'), shown(ours, '0')]
  return { what, floor: a, ours: b, ratio: '', target, met: met === null || ours === null ? null : met(ours.median) }
}

function difference(what: string, floor: Summary | null, ours: Summary | null, target: string, met: Met): Line {
  const over = floor && ours ? ours.median - floor.median : null
  return {
    ...plain(`${what}, ms`, floor, ours, target, null),
    ratio: over === null ? '' : `+ ${over.toFixed(1)} ms`,
    met: over === null || met === null ? null : met(over),
  }
}

/** The median, and the spread where there is one. */
function shown(summary: Summary | null, digits: '0'): string {
  if (summary === null) return 'not known'
  const text = (value: number) => value.toFixed(Number(digits))
  const spread = summary.most > summary.least ? ` (${text(summary.least)}–${text(summary.most)})` : ''
  return text(summary.median) + spread
}
