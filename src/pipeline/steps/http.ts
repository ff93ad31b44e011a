import type { HttpStep } from '../../core/playbook.ts'
import type { StepScope } from '../../core/playbook-scope.ts'
import type { Http } from '../../ports.ts'
import type { RunStep } from './step.ts'

/** `http`: one call, with what the alert says only where a template puts it. */
export function createHttpStep(deps: {
  readonly http: Http
  readonly templates: {
    render(template: string, scope: Readonly<Record<string, unknown>>): string
    renderDeep(value: unknown, scope: Readonly<Record<string, unknown>>): unknown
  }
  readonly scopeOf: (context: Parameters<RunStep<HttpStep>>[1]) => StepScope
}): RunStep<HttpStep> {
  return async (step, context) => {
    if (context.observing) return { kind: 'done', output: { skipped: 'observing' } }
    const scope = { ...deps.scopeOf(context) }
    const text = (template: string) => deps.templates.render(template, scope)
    const body = deps.templates.renderDeep(step.body, scope)
    const isJson = body !== null && typeof body !== 'string'
    const headers = Object.fromEntries(Object.entries(step.headers).map(([name, value]) => [name, text(value)]))
    const named = Object.keys(headers).map((name) => name.toLowerCase())
    const output = await deps.http.call({
      method: text(step.method),
      url: text(step.url),
      headers: isJson && !named.includes('content-type') ? { ...headers, 'content-type': 'application/json' } : headers,
      body: body === null || body === undefined ? null : isJson ? JSON.stringify(body) : (body as string),
    })
    return { kind: 'done', output }
  }
}
