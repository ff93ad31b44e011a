/* A process that opens a store, works on its queue for a moment, closes both and says so: then nothing is left to keep it alive. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../../src/adapters/store.ts'
import type { StoreConfig } from './stores.ts'

const store = await openStore(JSON.parse(process.argv[2] ?? '') as StoreConfig)
const queue = store.createQueue({ lockDuration: 1000, stalledInterval: 500 })
queue.work(async () => ({ kind: 'done', outcome: 'blocked' }))
await sleep(300)
await queue.close(1000)
await store.close()
process.stdout.write('closed\n')
