import type { Playbook } from './playbook.ts'
import { inOrder } from './playbook-match.ts'

export interface FirstDuration {
  /** null: for ever. */
  readonly durationMs: number | null
  readonly file: string
  /** No playbook that blocks enforces: this one says how long it would. */
  readonly observes: boolean
}

/** How long the first ban that an alert begins lasts; null: no playbook blocks. */
export function firstDuration(playbooks: readonly Playbook[]): FirstDuration | null {
  const found = inOrder(playbooks.filter(({ enabled }) => enabled)).flatMap(({ file, mode, steps }) => {
    const block = steps.find((step) => step.type === 'cloudflare.block')
    return block === undefined ? [] : [{ durationMs: block.durations[0] ?? null, file, observes: mode === 'observe' }]
  })
  return found.find(({ observes }) => !observes) ?? found[0] ?? null
}
