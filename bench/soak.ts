import os from 'node:os'
import { parseArgs } from 'node:util'
import { type Kind, openPlace, type Place } from './places.ts'
import { createFindings, type Findings } from './soak-findings.ts'
import { load } from './soak-load.ts'
import { longPast, startBehind } from './soak-past.ts'
import { pressure } from './soak-pressure.ts'
import { suites } from './soak-suites.ts'
import { week } from './soak-week.ts'

/* `npm run soak`: holds the service under load for long, and ends with 1 when a bound is broken. `--short` for a try, `--only load` for a part, `--store redis` for a store. */

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    /** The part of this name. */
    only: { type: 'string' },
    /** One store only. */
    store: { type: 'string' },
  },
})
const { short } = values

interface Part {
  readonly name: string
  readonly stores: readonly Kind[]
  run(place: Place, findings: Findings): Promise<void>
}

const PARTS: readonly Part[] = [
  {
    name: 'load',
    stores: ['redis', 'embedded'],
    run: (place, findings) =>
      load(place, { seconds: short ? 10 : 180, perSecond: 200, distinct: 2_000, instances: 1, zones: 1 }, findings),
  },
  {
    name: 'load-shared',
    stores: ['redis'],
    run: (place, findings) =>
      load(place, { seconds: short ? 10 : 330, perSecond: 50, distinct: 2_000, instances: 2, zones: 3 }, findings),
  },
  {
    name: 'start',
    stores: ['redis', 'embedded'],
    run: (place, findings) => startBehind(place, short ? 10_000 : 100_000, findings),
  },
  {
    name: 'past',
    stores: ['redis', 'embedded'],
    run: (place, findings) => longPast(place, short ? 10_000 : 100_000, findings),
  },
  {
    name: 'pressure',
    stores: ['redis', 'embedded'],
    run: (place, findings) => pressure(place, short ? 500 : 2_000, findings),
  },
  {
    name: 'week',
    stores: ['redis', 'embedded'],
    run: (place, findings) => week(place, short ? 240 : 3_600, findings),
  },
]

const print = (line: string) => void process.stdout.write(`${line}\n`)
const known: readonly (string | undefined)[] = [undefined, 'suites', ...PARTS.map(({ name }) => name)]
if (!known.includes(values.only) || ![undefined, 'redis', 'embedded'].includes(values.store)) {
  print(`There is no such part or store: --only ${known.filter(Boolean).join(', ')}; --store redis, embedded`)
  process.exit(2)
}
const findings = createFindings(print)
print(
  `${os.cpus()[0]?.model} × ${os.cpus().length}, ${Math.round(os.totalmem() / 2 ** 30)} GB, Node ${process.version}`,
)
for (const kind of ['redis', 'embedded'] as const) {
  const parts = PARTS.filter(({ name, stores }) => (values.only ?? name) === name && stores.includes(kind))
  if (parts.length === 0 || (values.store ?? kind) !== kind) continue
  const place = await openPlace(kind)
  if (place === null) continue
  for (const part of parts) await part.run(place, findings)
  await place.close()
}
if (values.store === undefined && (values.only ?? 'suites') === 'suites') await suites(short, findings)
for (const name of findings.broken) print(`BROKEN: ${name}`)
process.exit(findings.broken.length > 0 ? 1 : 0)
