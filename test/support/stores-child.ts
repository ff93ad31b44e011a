/* A process to be killed: it adds the jobs, begins them where asked to, and says so; it never ends by itself. */
import { openStore } from '../../src/adapters/store.ts'
import type { StoreConfig } from './stores.ts'
import { jobOf } from './stores-jobs.ts'

const [config, ids, mode] = process.argv.slice(2)
const store = await openStore(JSON.parse(config ?? '') as StoreConfig)
const queue = store.createQueue({ lockDuration: 1000, stalledInterval: 500 })
const jobs = (JSON.parse(ids ?? '') as string[]).map((id) => jobOf(id))
await queue.add(jobs)
if (mode === 'work') {
  let begun = 0
  queue.work(async () => {
    begun += 1
    if (begun === jobs.length) process.stdout.write('ready\n')
    return new Promise(() => {})
  })
} else {
  process.stdout.write('ready\n')
}
setInterval(() => {}, 60_000)
