import mustache from 'mustache'

type View = Record<string, unknown>

/**
 * Renders a connector's body by Kibana's rules: `{{x}}` is escaped for use inside of a JSON string, an object becomes
 * its JSON, an array its elements joined by commas, and has `asJSON`. A broken template becomes an error's text.
 */
export function renderBody(template: string, variables: View): string {
  const view = { ...(withToString(structuredClone(variables)) as View), ParseHjson: parseHjson }
  try {
    return mustache.render(template, view, {}, { escape: (value) => inString(value) })
  } catch (error) {
    return `error rendering mustache template "${template}": ${(error as Error).message}`
  }
}

/** The variables of a summary of alerts, per rule run. */
export function summaryOf(alerts: readonly View[], total = alerts.length): View {
  const rule = {
    id: 'rule-uuid',
    name: 'Fuzzing, "quoted" \\ \n rule',
    spaceId: 'default',
    tags: ['Domain: Web', 'T1595'],
  }
  return {
    date: '2026-03-01T10:00:00.000Z',
    kibanaBaseUrl: 'https://kibana.example',
    rule,
    state: { signals_count: total },
    context: {
      alerts,
      rule: { ...rule, rule_id: 'rule-static-id', severity: 'low', query: 'FROM logs-* | WHERE a == "{{b}}"' },
      results_link: 'https://kibana.example/app/security/rules/id/x',
    },
    alerts: { new: { count: total, data: alerts }, all: { count: total, data: alerts } },
  }
}

function withToString(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) withToString(inner)
  const json = { value: () => JSON.stringify(value), enumerable: false, configurable: true }
  return Object.defineProperty(value, Array.isArray(value) ? 'asJSON' : 'toString', json)
}

function inString(value: unknown): string {
  return value === null || value === undefined ? '' : JSON.stringify(String(value)).slice(1, -1)
}

/** As much of Hjson as people use in templates: keys without quotes and commas too many. */
function parseHjson() {
  return (text: string, render: (text: string) => string) => {
    const outside = (part: string) => part.replace(/(\w+):/g, '"$1":').replace(/,(\s*[\]}])/g, '$1')
    const parts = render(text).split(/("(?:[^"\\]|\\.)*")/s)
    return JSON.stringify(JSON.parse(parts.map((part, at) => (at % 2 === 0 ? outside(part) : part)).join('')))
  }
}
