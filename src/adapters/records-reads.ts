interface Asked<T> {
  readonly ids: readonly string[]
  resolve(found: readonly T[]): void
  reject(error: unknown): void
}

/**
 * Makes one read of many: those that are asked for while one is under way share the next, as do the hundreds of jobs that a
 * pass sets free, each to look at its own bans. Every read begins after it was asked for.
 */
export function shareReads<T extends { readonly id: string }>(
  read: (ids: readonly string[]) => Promise<readonly T[]>,
): (ids: readonly string[]) => Promise<readonly T[]> {
  let waiting: Asked<T>[] = []
  let busy = false

  async function work(): Promise<void> {
    busy = true
    // Jobs that one pass sets free all ask before anything else happens: they share the first read, too.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    while (waiting.length > 0) {
      const served = waiting
      waiting = []
      try {
        const rows = await read([...new Set(served.flatMap(({ ids }) => ids))])
        const byId = new Map(rows.map((row) => [row.id, row]))
        for (const { ids, resolve } of served) resolve([...new Set(ids)].flatMap((id) => byId.get(id) ?? []))
      } catch (error) {
        for (const { reject } of served) reject(error)
      }
    }
    busy = false
  }

  return (ids) => {
    const answer = new Promise<readonly T[]>((resolve, reject) => waiting.push({ ids, resolve, reject }))
    if (!busy) void work()
    return answer
  }
}
