import { randomBytes } from 'node:crypto'

/** What goes wrong with an operation: it fails, changing nothing, or never ends. */
export type OperationFault = { readonly kind: 'fail'; readonly error: string } | { readonly kind: 'stuck' }

export interface OperationView {
  readonly id: string
  readonly status: 'pending' | 'running' | 'completed' | 'failed'
  readonly completed?: string
  readonly error?: string
}

/** The bulk operations of one account, carried out by the clock whenever somebody looks. */
export interface SimulatedOperations {
  /** How long those begun from now on take: half of it pending, half running. */
  takesMs: number
  /** The next operation gets this fault. Several are used in the order given. */
  failNext(fault: OperationFault): void
  /** Carries out at once whatever is under way, also what is stuck. */
  finish(): void
  /** Forgets those that are over, as Cloudflare does some day. */
  forget(): void
  /** How many were begun. */
  readonly begun: number
  isBusy(): boolean
  /** `apply` answers null when done, else why it failed. */
  begin(apply: () => string | null): string
  view(id: string): OperationView | null
  /** Carries out what is due. */
  settle(): void
}

interface Running {
  readonly id: string
  readonly since: number
  readonly takesMs: number
  readonly fault: OperationFault | undefined
  readonly apply: () => string | null
}

export function createOperations(takesMs: number): SimulatedOperations {
  const over = new Map<string, OperationView>()
  const faults: OperationFault[] = []
  let running: Running | null = null
  let begun = 0
  const end = (operation: Running): void => {
    running = null
    const { id, fault } = operation
    const error = fault?.kind === 'fail' ? fault.error : operation.apply()
    const completed = new Date().toISOString()
    over.set(id, error === null ? { id, status: 'completed', completed } : { id, status: 'failed', completed, error })
  }
  const operations: SimulatedOperations = {
    takesMs,
    failNext: (fault) => void faults.push(fault),
    finish() {
      if (running) end(running)
    },
    forget: () => over.clear(),
    get begun() {
      return begun
    },
    isBusy() {
      operations.settle()
      return running !== null
    },
    begin(apply) {
      begun += 1
      running = {
        id: randomBytes(16).toString('hex'),
        since: Date.now(),
        takesMs: operations.takesMs,
        fault: faults.shift(),
        apply,
      }
      const { id } = running
      operations.settle()
      return id
    },
    view(id) {
      operations.settle()
      if (running?.id !== id) return over.get(id) ?? null
      return { id, status: Date.now() - running.since < running.takesMs / 2 ? 'pending' : 'running' }
    },
    settle() {
      if (running && running.fault?.kind !== 'stuck' && Date.now() - running.since >= running.takesMs) end(running)
    },
  }
  return operations
}
