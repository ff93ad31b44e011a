import { access, constants } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { messageOf } from '../errors.ts'
import { bad, type Finding, good, warn } from './check-finding.ts'
import { checkNeighbours } from './check-neighbours.ts'
import { openStore } from './store.ts'

/** What the running service says about itself. */
export type AskRunning = () => Promise<{
  readonly version: string
  readonly degraded: readonly { readonly part: string; readonly reason: string }[]
}>

/** Opens the store and closes it again; one that a running Portcullis holds is asked about there. */
export async function* checkStore(
  config: Pick<Config, 'store' | 'dataDir'>,
  askRunning: AskRunning,
): AsyncGenerator<Finding> {
  const embedded = config.store.kind === 'embedded'
  if (embedded && !(await exists(join(config.dataDir, 'store')))) {
    yield await checkNewDirectory(config.dataDir)
    return
  }
  try {
    const store = await openStore(config)
    await store.records.ping()
    yield good('store', `${store.kind} is there`)
    for (const warning of store.warnings) yield warn('store', warning)
    yield* checkNeighbours(store.records)
    await store.close()
  } catch (error) {
    const message = messageOf(error)
    if (embedded && / is locked: /.test(message)) yield* askHolder(message, askRunning)
    else yield bad('store', message)
  }
}

async function* askHolder(message: string, askRunning: AskRunning): AsyncGenerator<Finding> {
  try {
    const { version, degraded } = await askRunning()
    yield good('store', `embedded, held by the Portcullis ${version} that runs here`)
    for (const { part, reason } of degraded) yield warn('running', `${part}: ${reason}`)
  } catch (error) {
    yield bad('store', `${message} It does not answer on the ops port either: ${messageOf(error)}`)
  }
}

async function checkNewDirectory(dataDir: string): Promise<Finding> {
  let nearest = resolve(dataDir)
  while (!(await exists(nearest)) && dirname(nearest) !== nearest) nearest = dirname(nearest)
  try {
    await access(nearest, constants.W_OK)
    return good('store', `embedded: the first start makes it in ${dataDir}`)
  } catch {
    return bad('store', `DATA_DIR: nobody here may write to ${nearest}`)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
