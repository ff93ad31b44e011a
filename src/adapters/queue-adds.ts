interface Asked<T> {
  readonly items: readonly T[]
  resolve(): void
  reject(error: unknown): void
}

/** Makes one write of many: those that are asked for while one is under way share the next, and its failure. */
export function shareAdds<T>(add: (items: readonly T[]) => Promise<void>): (items: readonly T[]) => Promise<void> {
  let waiting: Asked<T>[] = []
  let busy = false

  async function work(): Promise<void> {
    busy = true
    while (waiting.length > 0) {
      const served = waiting
      waiting = []
      try {
        await add(served.flatMap(({ items }) => items))
        for (const { resolve } of served) resolve()
      } catch (error) {
        for (const { reject } of served) reject(error)
      }
    }
    busy = false
  }

  return (items) => {
    const added = new Promise<void>((resolve, reject) => waiting.push({ items, resolve, reject }))
    if (!busy) void work()
    return added
  }
}
