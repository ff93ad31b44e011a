import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PlaybookError, parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import type { Step } from '../../src/core/playbook.ts'

const HEAD = 'version: "1"\nname: test\ntriggers:\n  - type: alert\n'
const BLOCK = '  - name: block\n    type: cloudflare.block\n    with: { duration: 1h }\n'
const steps = (yaml: string) => parsePlaybook(`${HEAD}steps:\n${yaml}`, 'x.yaml').steps
const onlyStep = (yaml: string): Step => {
  const [step, ...others] = steps(yaml)
  ok(step && others.length === 0)
  return step
}
const mistakes = (text: string): string[] => {
  try {
    parsePlaybook(text, 'x.yaml')
  } catch (error) {
    ok(error instanceof PlaybookError)
    return error.message.split('\n')
  }
  return []
}
const stepMistakes = (yaml: string) => mistakes(`${HEAD}steps:\n${yaml}`)
const http = (...lines: string[]) =>
  `  - name: call\n    type: http\n    with:\n${lines.map((l) => `      ${l}\n`).join('')}`

describe('a playbook', () => {
  it('has its defaults filled in', () => {
    const playbook = parsePlaybook(`${HEAD}steps:\n${BLOCK}`, '10-x.yaml')
    match(playbook.hash, /^[0-9a-f]{64}$/)
    deepEqual(playbook, {
      name: 'test',
      description: '',
      enabled: true,
      mode: 'enforce',
      triggers: [{ rules: [], tags: [], severity: [] }],
      consts: {},
      steps: [
        {
          name: 'block',
          type: 'cloudflare.block',
          if: null,
          onFailure: { continue: false, retry: null },
          durations: [3_600_000],
          zones: null,
        },
      ],
      file: '10-x.yaml',
      hash: playbook.hash,
    })
  })

  it('takes one duration or a list, one zone or a list', () => {
    const step = onlyStep(BLOCK.replace('1h', '[90s, 1h30m, forever], zones: shop'))
    ok(step.type === 'cloudflare.block')
    deepEqual([step.durations, step.zones], [[90_000, 5_400_000, null], ['shop']])
  })

  it('takes one rule, tag or severity where a list may stand', () => {
    const text = `${HEAD.trimEnd()}\n    rules: a\n    tags: [b, c]\n    severity: high\nsteps:\n${BLOCK}`
    deepEqual(parsePlaybook(text, 'x').triggers, [{ rules: ['a'], tags: ['b', 'c'], severity: ['high'] }])
  })

  it('reads what happens on failure', () => {
    const step = onlyStep(
      `${BLOCK}    if: event.rule.name == "x"\n    on-failure: { continue: true, retry: { max-attempts: 3, delay: 30s } }\n`,
    )
    equal(step.if, 'event.rule.name == "x"')
    deepEqual(step.onFailure, { continue: true, retry: { maxAttempts: 3, delayMs: 30_000 } })
  })

  it('knows the name that workflows use for setting the status, with the usual ids', () => {
    const ids = ['"{{ event.alerts[0]._id }}"', '["{{ event.alerts[0]._id }}"]', `"{{ event.alerts | map: '_id' }}"`]
    for (const id of ids) {
      const step = onlyStep(
        `  - name: ack\n    type: kibana.SetAlertsStatus\n    with: { status: acknowledged, signal_ids: ${id} }\n`,
      )
      ok(step.type === 'security.setAlertStatus')
      equal(step.status, 'acknowledged')
    }
  })

  it('refuses ids of other alerts', () =>
    match(
      stepMistakes(
        '  - name: ack\n    type: security.setAlertStatus\n    with: { status: closed, alert_ids: [a, b] }\n',
      ).join(),
      /^x\.yaml:8:40: alert_ids is always this alert here/,
    ))

  it('reads http steps with templates', () => {
    const step = onlyStep(
      http(
        'url: "https://x.example/{{ event.rule.name | url_encode }}"',
        'method: POST',
        'body: { ip: "{{ event.alerts[0].source.ip }}" }',
      ),
    )
    ok(step.type === 'http')
    deepEqual([step.method, step.headers, step.body], ['POST', {}, { ip: '{{ event.alerts[0].source.ip }}' }])
  })
})

describe('mistakes in a playbook', () => {
  it('are named with file, line and column', () =>
    deepEqual(mistakes(`${HEAD}colour: red\nsteps:\n${BLOCK}`), [
      'x.yaml:5:1: unknown key "colour"; the playbook may have version, name, description, enabled, mode, triggers, consts, steps',
    ]))

  it('are reported all at once, in the order of the file', () => {
    const found = stepMistakes(
      '  - name: a\n    type: cloudflare.block\n    with: { duration: [1 day] }\n' +
        '  - name: a\n    type: security.setAlertStatus\n    if: \'event.rule.name : "x"\'\n    with: { status: closed }\n',
    )
    equal(found.length, 3)
    match(found[0] ?? '', /^x\.yaml:8:24: "1 day" is no duration: write 90s, 30m/)
    match(found[1] ?? '', /^x\.yaml:9:11: step names must differ/)
    match(found[2] ?? '', /^x\.yaml:11:9: this looks like KQL/)
  })

  it('in the YAML itself are placed too', () => {
    match(mistakes('version: "1"\nname: [a\n').join(), /^x\.yaml:\d+:\d+: /)
    match(mistakes('name: a\nname: b\n').join(), /^x\.yaml:2:1: .*unique/)
    match(mistakes('').join(), /^x\.yaml:1:1: the playbook must be/)
    match(mistakes('name: !!js/function "x"\n').join(), /^x\.yaml:1:7: Unresolved tag/)
  })

  it('are not a way to fill the memory', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'
        .split('')
        .map((c) => `${c}: &${c} [${Array(9).fill(`*${String.fromCharCode(c.charCodeAt(0) - 1)}`)}]`),
    ]
    match(mistakes(bomb.join('\n')).join(), /alias/i)
  })

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [
      'an unknown step type',
      '  - name: a\n    type: cloudflare.blok\n',
      /unknown step type "cloudflare.blok"; step types are cloudflare.block, security.setAlertStatus, http/,
    ],
    ['a step without a type', '  - name: a\n', /^x\.yaml:6:5: type is missing in step 1 \(a\)/],
    ['a step without a name', '  - type: http\n    with: { url: x }\n', /name is missing in step 1/],
    ['a name with blanks', '  - name: a b\n    type: http\n    with: { url: x }\n', /name must begin with a letter/],
    [
      'an unknown key of a step',
      `${BLOCK}    colour: red\n`,
      /unknown key "colour"; step 1 \(block\) may have name, type, if/,
    ],
    [
      'a block without a duration',
      '  - name: a\n    type: cloudflare.block\n    with: {}\n',
      /duration is missing in with of step 1/,
    ],
    ['a duration that is a number', BLOCK.replace('1h', '60'), /duration must be a text or a list of texts \(got 60\)/],
    ['no duration in the list', BLOCK.replace('1h', '[]'), /duration must not be empty/],
    [
      'an unknown status',
      '  - name: a\n    type: security.setAlertStatus\n    with: { status: done }\n',
      /status must be one of open, acknowledged, closed \(got "done"\)/,
    ],
    ['two block steps', BLOCK + BLOCK.replace('name: block', 'name: more'), /one cloudflare.block step/],
    [
      'foreach',
      `${BLOCK}    foreach: "\${{ event.alerts }}"\n`,
      /Elastic Workflows have foreach, Portcullis does not \(a playbook answers one alert at a time\)/,
    ],
    [
      'a step that only Elastic has',
      '  - name: a\n    type: elasticsearch.search\n',
      /Elastic Workflows have the step type elasticsearch.search, Portcullis does not/,
    ],
    [
      'nested steps',
      '  - name: a\n    type: if\n    steps: []\n',
      /Elastic Workflows have the step type if, Portcullis does not/,
    ],
    [
      'a fallback',
      `${BLOCK}    on-failure: { fallback: [] }\n`,
      /Elastic Workflows have fallback, Portcullis does not/,
    ],
    [
      'an endless retry delay',
      `${BLOCK}    on-failure: { retry: { max-attempts: 2, delay: forever } }\n`,
      /a retry cannot wait forever/,
    ],
    [
      'an unknown filter',
      http('url: "{{ event | nonsense }}"'),
      /^x\.yaml:9:12: not a Liquid template: undefined filter: nonsense/,
    ],
    [
      'an unclosed template',
      http('url: x', 'body: { a: ["{{ event"] }'),
      /^x\.yaml:10:19: not a Liquid template: output/,
    ],
    [
      'a root that only Elastic has',
      http('url: "{{ inputs.url }}"'),
      /Elastic Workflows have inputs, Portcullis does not; they begin with event/,
    ],
    ['an unknown root', http('url: "{{ alert.url }}"'), /templates do not know alert/],
    ['an undeclared constant', http('url: "{{ consts.url }}"'), /consts has no url/],
    ['the output of a later step', http('url: "{{ steps.block.output }}"') + BLOCK, /steps.block has not run yet/],
    ['the output of no step', http('url: "{{ steps.none.output }}"'), /there is no step none before this one/],
    [
      'a condition that is no Liquid',
      `${BLOCK}    if: a b\n`,
      /not a Liquid condition: an operator is missing before b/,
    ],
    ['a condition in KQL', `${BLOCK}    if: event.rule.name == "x" AND event.y\n`, /this looks like KQL/],
  ]
  for (const [what, yaml, message] of wrong) it(`name ${what}`, () => match(stepMistakes(yaml).join('\n'), message))

  it('name triggers and keys that only Elastic has', () => {
    const text = (more: string, type = 'alert') =>
      `version: "1"\nname: t\n${more}triggers: [{ type: ${type} }]\nsteps:\n${BLOCK}`
    match(mistakes(text('', 'scheduled')).join(), /^x\.yaml:3:20: Elastic Workflows have scheduled triggers/)
    match(mistakes(text('settings: {}\n')).join(), /^x\.yaml:3:1: Elastic Workflows have settings, Portcullis does not/)
    match(mistakes(text('', 'webhook')).join(), /the only trigger type is alert \(got "webhook"\)/)
    match(
      mistakes(text('', 'alert, severity: [hgh]')).join(),
      /severity\[0\] must be one of low, medium, high, critical/,
    )
    match(mistakes(text('').replace('"1"', '1')).join(), /version must be "1", in quotes/)
    match(mistakes(text('enabled: yes\n')).join(), /enabled must be true or false \(got "yes"\)/)
  })
})
