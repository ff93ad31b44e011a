import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { createMetrics } from '../../src/metrics.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const rules = (
  parse(readFileSync('deploy/prometheus-rules.yml', 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)
const sources = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'))

/** Labels of every metric there is, by its name. */
async function known(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics({ processMetrics: false })
  metrics.webhook('accepted')
  metrics.missing(1)
  metrics.alert('blocked', 1)
  metrics.refusal('private')
  metrics.pass('shop', 'ok', 1)
  metrics.setLastSettle('shop', new Date())
  metrics.cloudflareCall('GET', 200)
  metrics.degraded('elastic', 0)
  metrics.setBans('shop', { held: 1 })
  metrics.setRoom('shop', { used: 1 })
  metrics.setQueue({ waiting: 0 })
  const samples = (await metrics.text()).matchAll(/^(portcullis_\w+)(?:\{(.*)\})? /gm)
  const labels = new Map<string, Set<string>>()
  for (const [, name = '', given = ''] of samples)
    labels.set(name, new Set([...given.matchAll(/(\w+)="/g)].map(([, label]) => label ?? '')))
  return labels
}

const selectors = (expr: string) => [...expr.matchAll(/(portcullis_\w+)(?:\{([^}]*)\})?/g)]
const matchers = (text: string) => [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)]

describe('the alerting rules', () => {
  it('ask for metrics and labels that there are', async () => {
    const metrics = await known()
    const strange = rules.flatMap(({ alert, expr }) =>
      selectors(expr).flatMap(([, name = '', given = '']) => {
        const labels = metrics.get(name)
        if (labels === undefined) return [`${alert}: there is no metric ${name}`]
        return matchers(given).flatMap(([, label = '']) =>
          labels.has(label) ? [] : [`${alert}: ${name} has no ${label}`],
        )
      }),
    )
    deepEqual(strange, [])
    ok(rules.every(({ expr }) => selectors(expr).length > 0))
  })

  it('name values that the sources know', () => {
    const words = rules.flatMap(({ expr }) =>
      selectors(expr).flatMap(([, , given = '']) => matchers(given).flatMap(([, , value = '']) => value.split('|'))),
    )
    deepEqual(
      [...new Set(words)].filter((word) => !sources.some((text) => new RegExp(`\\b${word}\\b`).test(text))),
      [],
    )
  })

  it('put only labels into their texts that the result has', async () => {
    const metrics = await known()
    for (const { alert, expr, annotations } of rules) {
      const asked = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label ?? '')
      const first = metrics.get(selectors(expr)[0]?.[1] ?? '') ?? new Set()
      for (const label of asked) ok(first.has(label), `${alert}: ${label}`)
    }
  })

  it('cover what a team must not miss, each with a severity and a sentence of what to do', () => {
    const text = rules.map(({ expr }) => expr).join('\n')
    for (const needed of [
      /last_settle_timestamp_seconds > 600/,
      /portcullis_degraded > 0/,
      /state="edge-full"/,
      /reason="quota-spent"/,
      /edge-contested/,
      /state="failed"/,
      /webhooks_total/,
      /deriv\(portcullis_queue_jobs/,
      /alerts_missing_total/,
    ])
      match(text, needed)
    equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
    for (const { alert, labels, annotations } of rules) {
      ok(['page', 'ticket'].includes(labels.severity), alert)
      ok(annotations.summary.length > 10 && annotations.description.length > 20, alert)
    }
  })
})
