import type { Clock, Records, Stored } from '../ports.ts'
import type { Health } from './health.ts'

/** No new bans by alerts until it is over. Times are ISO 8601. */
export interface Pause {
  readonly by: string
  readonly at: string
  /** null: until somebody resumes. */
  readonly until: string | null
  readonly reason: string
}

/** The id of the pause's record among the `settings`: it survives a restart, and every instance sees it. */
export const PAUSE = 'pause'

/** The word under which alerts wait for its end, and under which `degraded` names it. */
export const PAUSED = 'paused'

/** Nothing new is decided at this moment. */
export class PausedError extends Error {
  override name = 'PausedError'
}

/** The pause that a record says; null where there is none, or it is over. */
export function pauseIn(stored: Stored<Pause> | undefined, now: Date): Pause | null {
  if (stored === undefined) return null
  const { until } = stored.doc
  return until === null || until > now.toISOString() ? stored.doc : null
}

export interface Pausing {
  /** null: it is not paused. */
  read(): Promise<Pause | null>
  /** Begins a pause, or puts this one in its place. `also`: what is to be written with it. */
  begin(pause: Pause, also: Put): Promise<void>
  /** False: it was not paused, and nothing was written. */
  end(also: Put): Promise<boolean>
  /** Looks what other instances and the clock have done, and lets `degraded` say so. */
  look(): Promise<void>
}

type Put = NonNullable<Parameters<Records['commit']>[0]['put']>

export function createPausing(deps: {
  readonly records: Pick<Records, 'get' | 'commit'>
  readonly clock: Pick<Clock, 'now'>
  /** When it works again, what waits as `paused` is woken. */
  readonly health: Pick<Health, 'refused' | 'works'>
}): Pausing {
  const { records, clock, health } = deps

  async function read(): Promise<Pause | null> {
    const stored = (await records.get<Pause>('settings', [PAUSE])).get(PAUSE)
    const pause = pauseIn(stored, clock.now())
    if (pause === null) health.works(PAUSED)
    else health.refused(PAUSED, wordsOf(pause))
    return pause
  }

  return {
    read,
    async begin(pause, also) {
      const expires = pause.until === null ? null : new Date(pause.until)
      await records.commit({ put: [{ collection: 'settings', id: PAUSE, doc: pause, expires }, ...also] })
      await read()
    },
    async end(also) {
      const was = await read()
      if (was !== null) await records.commit({ put: also, remove: [{ collection: 'settings', id: PAUSE }] })
      await read()
      return was !== null
    },
    async look() {
      await read()
    },
  }
}

/** One line for people. */
export function wordsOf({ by, until, reason }: Pause): string {
  const end = until === null ? 'until somebody resumes' : `until ${until}`
  return `${by} paused new bans ${end}${reason === '' ? '' : `: ${reason}`}`
}
