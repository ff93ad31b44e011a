import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { openPlace, type Place } from './places.ts'
import { plotOf } from './plot.ts'
import { FULL, runSuite, SHORT } from './suite.ts'
import { linesOf, textOf } from './table.ts'

/* Measures Portcullis against a floor in the same run. `--short` for CI; figures of different runs do not compare. */

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Writes docs/performance.svg. */
    plot: { type: 'boolean', default: false },
    /** One store only. */
    store: { type: 'string' },
  },
})

const places = await openPlaces()
try {
  const say = (line: string) => process.stderr.write(`… ${line}\n`)
  const results = await runSuite(places, values.short ? SHORT : FULL, say)
  const machine = {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    memoryGb: gigabytes(os.totalmem()),
    node: process.version,
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, ...results }, null, 2)}\n`)
  else {
    process.stdout.write(
      `\n${Object.values(machine).join(' · ')} GB memory\n`.replace(/ · (v[\d.]+) GB memory/, ' GB · Node $1'),
    )
    for (const { kind } of places)
      process.stdout.write(textOf(`on ${kind}: medians (least–most)`, linesOf(results, kind)))
  }
  if (values.plot) await writeFile(new URL('../docs/performance.svg', import.meta.url), plotOf(results))
} finally {
  for (const place of places) await place.close()
}

async function openPlaces(): Promise<Place[]> {
  const kinds = (['redis', 'embedded'] as const).filter((kind) => values.store === undefined || values.store === kind)
  const opened: Place[] = []
  for (const kind of kinds) opened.push(...[await openPlace(kind)].filter((place) => place !== null))
  return opened
}

function gigabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 30)
}
