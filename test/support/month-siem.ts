import type { Mark, Marked, Siem } from '../../src/ports.ts'

/** Elastic, as far as alerts have a status and a tag of ours there. */
export interface MonthSiem {
  down: boolean
  readonly status: Map<string, string>
  readonly tags: Map<string, string>
  /** Before each mark. */
  check: (mark: Mark) => void
}

export function monthSiem(): { siem: MonthSiem; port: Siem } {
  const siem: MonthSiem = { down: false, status: new Map(), tags: new Map(), check: () => {} }
  const markOne = (mark: Mark): Marked => {
    siem.check(mark)
    const now = siem.status.get(mark.id)
    if (now === undefined) return 'unknown'
    if (mark.status !== null && mark.status !== now && now !== 'open' && mark.status !== 'open') return 'changed'
    if (mark.status !== null) siem.status.set(mark.id, mark.status)
    siem.tags.set(mark.id, mark.tag)
    return 'done'
  }
  const reached = async <T>(work: () => T): Promise<T> => {
    if (siem.down) throw new Error('connect ECONNREFUSED')
    return work()
  }
  return {
    siem,
    port: {
      mark: (marks) => reached(() => new Map(marks.map((mark) => [mark.id, markOne(mark)]))),
      probe: () => reached(() => undefined),
    },
  }
}
