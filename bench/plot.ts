import type { Summary } from './statistics.ts'
import type { Results } from './suite.ts'

interface Bar {
  readonly name: string
  readonly value: Summary | null
}

interface Panel {
  readonly title: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

const COLOURS = ['#9aa5b1', '#d6453d', '#2f6f9f']
const WIDTH = 720
const ROW = 26
const LEFT = 150

/** Bars of the medians, with lines from the least to the most, as an SVG picture that reads on light and dark pages. */
export function plotOf(results: Results): string {
  const panels = panelsOf(results)
  let y = 10
  const parts: string[] = []
  for (const panel of panels) {
    parts.push(drawPanel(panel, y))
    y += panel.bars.length * ROW + 48
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>Portcullis measured against the floor</title>',
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function panelsOf({ plan, floor, bareCalls, stores }: Results): Panel[] {
  const { redis, embedded } = stores
  const bars = (first: Bar, of: (measured: typeof floor) => Summary | null): Bar[] => [
    first,
    ...(redis ? [{ name: 'on Redis', value: of(redis) }] : []),
    ...(embedded ? [{ name: 'embedded', value: of(embedded) }] : []),
  ]
  const burst = (load: 'quick' | 'slow') =>
    bars({ name: 'in-memory floor', value: floor[load].ms }, (measured) => measured[load].ms)
  return [
    { title: '200 alerts, 20 ms per call: first webhook to last acknowledgement', unit: 'ms', bars: burst('quick') },
    {
      title: `${plan.slow} alerts, 150 ms per call: first webhook to last acknowledgement`,
      unit: 'ms',
      bars: burst('slow'),
    },
    {
      title: 'one alert, 20 ms per call: webhook to acknowledgement',
      unit: 'ms',
      bars: bars({ name: 'the three calls', value: bareCalls }, (measured) => measured.single),
    },
    {
      title: 'webhooks accepted while responding to them',
      unit: '/s',
      bars: bars({ name: 'bare, on Redis', value: redis?.bareAccept ?? null }, (measured) => measured.accept),
    },
  ]
}

function drawPanel({ title, unit, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value?.most ?? 0), 1)
  const scale = (value: number) => Math.round((value / most) * (WIDTH - LEFT - 110))
  const rows = bars.map(({ name, value }, at) => {
    const y = top + 26 + at * ROW
    const label = `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end" fill="#333">${name}</text>`
    if (value === null) return label
    const [end, from, to] = [value.median, value.least, value.most].map(scale) as [number, number, number]
    const middle = y + 9
    return [
      label,
      `<rect x="${LEFT}" y="${y}" width="${end}" height="18" rx="2" fill="${COLOURS[at]}"/>`,
      `<path d="M${LEFT + from} ${middle}H${LEFT + to}" stroke="#111" stroke-width="1.5"/>`,
      `<text x="${LEFT + Math.max(end, to) + 8}" y="${y + 14}" fill="#333">${Math.round(value.median)} ${unit}</text>`,
    ].join('\n')
  })
  return [`<text x="10" y="${top + 14}" font-weight="600" fill="#111">${title}</text>`, ...rows].join('\n')
}
