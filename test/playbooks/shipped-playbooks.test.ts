import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadPlaybooks } from '../../src/adapters/playbook-files.ts'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import type { Alert } from '../../src/core/alert.ts'
import { matchPlaybook, neverMatching } from '../../src/core/playbook-match.ts'

const playbooks = (await loadPlaybooks(fileURLToPath(new URL('../../playbooks', import.meta.url)))).map(
  (file) => file.playbook,
)
const from = (name: string, ruleId: string): Alert => ({
  id: 'a1',
  index: '',
  space: 'default',
  rule: { id: 'uuid', ruleId, name, tags: [] },
  severity: null,
  time: null,
  run: null,
  eventTime: false,
  suspects: ['192.0.2.1'],
  evidence: {},
})

describe('the playbooks that are shipped', () => {
  it('are all reachable', () => deepEqual(neverMatching(playbooks), []))

  it('only watch the error spike rules, known by name or id', () => {
    const spikes = [
      ['Web Server Potential Spike in Error Response Codes', '6fa3abe3-9cd8-41de-951b-51ed8f710523'],
      ['Potential Spike in Web Server Error Logs', '6631a759-4559-4c33-a392-13f146c8bcc4'],
    ] as const
    for (const [name, id] of spikes)
      for (const alert of [from(name, 'a copy'), from('renamed', id)]) {
        const playbook = matchPlaybook(playbooks, alert)
        equal(playbook?.file, '10-error-spikes.yaml')
        equal(playbook?.mode, 'observe')
      }
  })

  it('block and acknowledge everything else', () => {
    const playbook = matchPlaybook(playbooks, from('Web Server Discovery or Fuzzing Activity', '8383a8d0'))
    equal(playbook?.file, '90-block.yaml')
    equal(playbook?.mode, 'enforce')
    const [block, status] = playbook?.steps ?? []
    ok(block?.type === 'cloudflare.block' && status?.type === 'security.setAlertStatus')
    deepEqual(block.durations, [3_600_000, 86_400_000, 604_800_000, 2_592_000_000])
    equal(status.status, 'acknowledged')
  })
})

describe('the playbooks in the documentation', () => {
  it('can be loaded as they stand', () => {
    const text = readFileSync(new URL('../../docs/playbooks.md', import.meta.url), 'utf8')
    const whole = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)]
      .map(([, yaml = '']) => yaml)
      .filter((y) => /^version:/m.test(y))
    ok(whole.length > 0)
    for (const yaml of whole) match(parsePlaybook(yaml, 'docs.yaml').hash, /./)
  })
})
