import type { JobData } from '../../src/ports.ts'

/** A job about one alert of that id; `changes` overlay its data. */
export function jobOf(id: string, changes: Partial<JobData> = {}): { id: string; data: JobData } {
  const alert = {
    id,
    index: '.alerts-security.alerts-default',
    space: 'default',
    rule: { id: 'rule-1', ruleId: 'rule-1', name: 'Web Server Local File Inclusion Activity', tags: ['Domain: Web'] },
    severity: 'medium',
    time: '2026-01-01T00:00:00.000Z',
    run: 'scheduled',
    eventTime: true,
    suspects: ['192.0.2.7'],
    evidence: {},
  } as const
  const data = { alert, playbook: { name: 'Block', hash: '0'.repeat(64) }, wantsBlock: true, checkpoints: {} }
  return { id, data: { ...data, acceptedAt: '2026-01-01T00:00:01.000Z', ...changes } }
}

/** Resolves when it is so, asking every 10 ms; rejects after `withinMs`. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = Date.now() + withinMs
  for (;;) {
    // Whoever was stopped for a while asks once more.
    const late = Date.now() > end
    if (await isSo()) return
    if (late) throw new Error(`Still not so after ${withinMs} ms: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
