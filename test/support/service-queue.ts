import type { Job, JobData, Queue, Ran } from '../../src/ports.ts'

/** BullMQ's manners in memory, where a test says when a job runs. */
export interface MemoryQueue extends Queue {
  /** Runs the job once; a run that throws lets it wait for the next one, or leaves it failed after a PermanentError. */
  run(id: string): Promise<Ran | { readonly kind: 'thrown'; readonly error: Error }>
  state(id: string): string | null
  data(id: string): JobData
  /** As often as each was woken. */
  readonly woken: string[]
}

interface Kept {
  data: JobData
  state: 'waiting' | 'active' | 'delayed' | 'completed' | 'failed'
  attempts: number
}

export function memoryQueue(): MemoryQueue {
  const jobs = new Map<string, Kept>()
  const woken: string[] = []
  let work: ((job: Job) => Promise<Ran>) | null = null
  const kept = (id: string): Kept => {
    const job = jobs.get(id)
    if (job === undefined) throw new Error(`There is no job ${id}`)
    return job
  }
  return {
    woken,
    state: (id) => jobs.get(id)?.state ?? null,
    data: (id) => kept(id).data,
    async add(added) {
      for (const { id, data } of added) if (!jobs.has(id)) jobs.set(id, { data, state: 'waiting', attempts: 0 })
    },
    async rerun(again) {
      const found = again.filter(({ id }) => jobs.has(id))
      return new Map(
        found.map(({ id, data }) => {
          const rests = ['completed', 'failed', 'delayed'].includes(kept(id).state)
          if (rests) jobs.set(id, { data, state: 'waiting', attempts: 0 })
          return [id, rests]
        }),
      )
    },
    async read(id) {
      const job = jobs.get(id)
      return job === undefined ? null : { state: job.state, data: job.data }
    },
    async wake(ids) {
      woken.push(...ids)
      for (const id of ids) if (jobs.get(id)?.state === 'delayed') kept(id).state = 'waiting'
    },
    work(run) {
      work = run
    },
    async counts() {
      return {}
    },
    async close() {},
    async run(id) {
      const job = kept(id)
      job.state = 'active'
      try {
        const ran = await (work as (job: Job) => Promise<Ran>)({
          id,
          get data() {
            return job.data
          },
          attempts: job.attempts,
          async save(data) {
            job.data = structuredClone(data)
          },
        })
        job.state = ran.kind === 'park' ? 'delayed' : 'completed'
        if (ran.kind === 'park') job.data = { ...job.data, waiting: ran.reason }
        return ran
      } catch (error) {
        job.attempts++
        job.state = (error as Error).name === 'PermanentError' ? 'failed' : 'delayed'
        return { kind: 'thrown', error: error as Error }
      }
    },
  }
}
