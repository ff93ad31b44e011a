/** Makes it when it is first asked for, and keeps it; a failure is not kept: who asks next has it tried again. */
export function onDemand<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    if (made !== null) return made
    const making = make()
    made = making
    making.catch(() => {
      made = null
    })
    return making
  }
}
