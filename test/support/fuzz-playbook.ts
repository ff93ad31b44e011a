import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { createTemplates } from '../../src/adapters/templates.ts'
import { PlaybookError, parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import type { Playbook } from '../../src/core/playbook.ts'
import { scarred, scars } from './fuzz-bytes.ts'
import { cuts, mutated } from './fuzz-mutate.ts'
import type { Target } from './fuzz-run.ts'

interface PlaybookText {
  readonly text: string
}

const MOST_MS = 5_000
const HTTP = `version: "1"
name: Tell
consts: { token: abc, list: [1, 2], nested: { a: "{{ x }}" } }
triggers:
  - { type: alert, rules: ["Web Scan"], severity: [high] }
steps:
  - name: look-up
    type: http
    if: event.rule.name contains "Scan" and consts.list
    with:
      url: "https://hooks.example/{{ event.alerts[0]._id | url_encode }}"
      method: POST
      headers: { X-Token: "{{ consts.token }}" }
      body: { text: "{{ event.rule.name }}", id: "{{ event.spaceId }}" }
    on-failure: { retry: { max-attempts: 3, delay: 5s }, continue: true }
  - name: block
    type: cloudflare.block
    with: { duration: [1h, 24h] }
  - name: acknowledge
    type: security.setAlertStatus
    with: { status: acknowledged }
`
const shipped = globSync('playbooks/*.yaml', { cwd: new URL('../..', import.meta.url) }).map((file) =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'),
)
const texts = [HTTP, ...shipped]
const documents = texts.map((text) => parse(text) as unknown)
const written = fc
  .tuple(fc.constantFrom(...documents), cuts(4), fc.boolean())
  .map(([it, made, asJson]) => (asJson ? JSON.stringify(mutated(it, made)) : stringify(mutated(it, made))) ?? '')
const rubbish = fc.stringMatching(/^[-?:,[\]{}#&*!|>'"%@`a0 \n~<=]{0,60}$/)
const text = fc.oneof(
  { weight: 4, arbitrary: written },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(...texts), scars(4)).map(([it, made]) => scarred(it, made).toString('utf8')),
  },
  rubbish,
)
const templates = createTemplates()
const SCOPE = {
  event: {
    alerts: [{ _id: 'a1', source: { ip: '192.0.2.1' } }],
    rule: { name: 'Scan {{ x }}', tags: ['x'] },
    spaceId: 'default',
  },
  consts: {},
  steps: {},
}

/** Reading a playbook: a playbook, or an error that names file, line and column of each mistake; nothing else. */
export function playbookTarget(): { target: Target<PlaybookText>; close(): Promise<void> } {
  return {
    target: {
      name: 'playbook files',
      inputs: text.map((it) => ({ text: it })),
      async holds(input) {
        const begun = performance.now()
        const playbook = read(input.text)
        if (playbook !== null) renderAll(playbook)
        assert.ok(performance.now() - begun < MOST_MS, `took ${performance.now() - begun} ms`)
        assert.equal(({} as Record<string, unknown>).type, undefined)
      },
    },
    close: async () => {},
  }
}

function read(text: string): Playbook | null {
  try {
    return parsePlaybook(text, 'a.yaml')
  } catch (error) {
    assert.ok(error instanceof PlaybookError, `${error}`)
    for (const line of error.message.split('\n')) assert.match(line, /^a\.yaml:\d+:\d+: ./)
    return null
  }
}

/** What was taken at the start renders, or fails with an error. */
function renderAll({ steps, consts }: Playbook): void {
  const scope = { ...SCOPE, consts }
  for (const step of steps) {
    if (step.if !== null) quietly(() => templates.test(step.if ?? '', scope))
    if (step.type === 'http')
      quietly(() => templates.renderDeep([step.method, step.url, step.headers, step.body], scope))
  }
}

function quietly(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    assert.ok(
      error instanceof Error && !['TypeError', 'RangeError'].includes(error.name),
      String((error as Error).stack),
    )
  }
}
