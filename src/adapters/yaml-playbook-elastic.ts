/* What an Elastic Workflow has and a playbook has not, so that who comes from there is told so by name. */

const KEYS: Readonly<Record<string, string>> = {
  alerts: 'a playbook answers one alert at a time',
  close_reason: 'Portcullis sets the status alone',
  'connector-id': 'credentials go into headers',
  else: 'write a second step with the opposite `if`',
  fallback: 'use continue, and a later step',
  foreach: 'a playbook answers one alert at a time',
  inputs: 'use consts',
  jitter: 'set max-attempts and delay',
  'max-delay': 'set max-attempts and delay',
  multiplier: 'set max-attempts and delay',
  on: 'an alert trigger is filtered by rules, tags and severity',
  outputs: 'nothing calls a playbook',
  reason: 'Portcullis sets the status alone',
  settings: 'each step has its own on-failure',
  steps: 'steps are not nested',
  strategy: 'set max-attempts and delay',
  tags: 'name and description say it',
  timeout: 'calls have fixed time-outs',
  with: 'an alert trigger is filtered by rules, tags and severity',
}

const TRIGGERS = /^(manual|scheduled|workflows\..*|cases\..*)$/
const STEPS =
  /^(if|switch|foreach|while|loop\..*|wait|waitFor.*|parallel|merge|workflow\..*|data\..*|console|elasticsearch\..*|kibana\..*|security\..*|cases\..*|ai\..*|slack.*|jira.*|inference\..*)$/

/** What to say about a feature that only Elastic Workflows have; null when they do not have it either. */
export function missingFeature(kind: 'key' | 'trigger' | 'step', name: string): string | null {
  if (kind === 'key')
    return Object.hasOwn(KEYS, name) ? `Elastic Workflows have ${name}, Portcullis does not (${KEYS[name]})` : null
  if (kind === 'trigger')
    return TRIGGERS.test(name)
      ? `Elastic Workflows have ${name} triggers, Portcullis does not: the only trigger type is alert`
      : null
  return STEPS.test(name) ? `Elastic Workflows have the step type ${name}, Portcullis does not` : null
}
