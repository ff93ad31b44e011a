import { parseExpression } from '../core/expression/parse.ts'
import type { Rule } from '../ports.ts'
import { ALLOWLIST, BY_HAND, type Cast } from './demo-cast.ts'
import { type Page, wrap } from './demo-page.ts'
import type { Stage } from './demo-scenes.ts'
import { counted, type Seen } from './demo-story.ts'
import { type Check, ownRule, termsOf } from './demo-verdict.ts'
import type { World } from './world.ts'

/** What there is at the beginning. */
export function showOpening(world: World, page: Page): void {
  page.line(page.paint('bold', 'Portcullis: an alert goes in, a block comes out, the alert is closed behind it'))
  page.line()
  page.text(
    'The service is the real one. Elastic and Cloudflare are simulated in this process: nothing leaves this machine.',
  )
  page.line()
  page.line(`The zone ${world.zone.name} has these rules:`)
  for (const [index, rule] of world.zone.rules().entries()) {
    const note =
      rule.id === ownRule(world.zone.rules())?.id ? `  <- ours: ${termsOf(rule).length} addresses, put in by hand` : ''
    page.line(`  ${index + 1}. ${String(rule.description).padEnd(28)}${rule.enabled ? 'on' : 'off'}${note}`)
  }
  page.line()
  page.line(`ALLOWLIST=${ALLOWLIST} says whom it must never block,`)
  page.line('playbooks/90-block.yaml what it does with an alert: block, then acknowledge.')
  page.line()
}

/** The rule before and after, every alert, the calls, and whether all is as it must be. */
export function showEnding(
  { world, page, cast, seen }: Stage,
  before: readonly Rule[],
  checks: readonly Check[],
): void {
  page.heading('The rule “webserver scanning block”, before and after')
  showDiff(page, String(ownRule(before)?.expression), String(ownRule(world.zone.rules())?.expression), cast)
  page.heading('What became of every alert')
  page.table(rowsOf(world, cast, seen, page))
  page.heading('What it cost')
  showCalls(world, page, cast)
  page.heading('Is all as it must be?')
  for (const { ok, text } of checks) page.line(`${ok ? page.paint('green', '✓') : page.paint('red', '✗')} ${text}`)
  const wrong = checks.filter(({ ok }) => !ok).length
  page.line()
  if (wrong === 0) page.line(page.paint(['green', 'bold'], `All ${checks.length} hold.`))
  else page.line(page.paint(['red', 'bold'], `${wrong} of ${checks.length} do not hold.`))
}

function showDiff(page: Page, before: string, after: string, cast: Cast): void {
  for (const part of wrapExpression(before)) page.line(page.paint('red', `- ${part}`))
  for (const part of wrapExpression(after)) page.line(page.paint('green', `+ ${part}`))
  page.line()
  const [old, now] = [before, after].map((text) => parseExpression(text).terms.map((term) => term.text))
  for (const term of [...(old ?? []).filter((term) => !now?.includes(term))])
    page.line(page.paint('red', `- ${term.padEnd(20)} lost`))
  for (const term of now ?? []) {
    const kept = old?.includes(term)
    page.line(
      page.paint(kept ? 'dim' : 'green', `${kept ? ' ' : '+'} ${term.padEnd(20)} ${whyThere(term, cast, kept)}`),
    )
  }
}

/** No comparison is torn apart. */
function wrapExpression(expression: string): string[] {
  const glued = expression.replaceAll('ip.src eq ', 'ip.src\u00a0eq\u00a0')
  return wrap(glued, 74).map((part) => part.replaceAll('\u00a0', ' '))
}

function whyThere(term: string, cast: Cast, kept = false): string {
  if (kept) return 'a person’s entry, kept'
  if (term === BY_HAND) return 'a person’s entry, added while we wrote, kept'
  const parts = cast.all.filter((part) => part.term === term)
  const wider = parts.some(({ source }) => source !== term) ? ` (the /64 of ${parts[0]?.source})` : ''
  return parts.length === 0 ? 'nobody knows why' : `blocked for ${parts.map(({ label }) => label).join(', ')}${wider}`
}

function rowsOf({ alerts }: World, cast: Cast, seen: Seen, page: Page): string[][] {
  const rows = cast.all.map(({ id, label, source }) => {
    const outcome = seen.concluded.get(id)?.join(', ') ?? '-'
    const status = alerts.status(id) ?? '-'
    return [
      label,
      source ?? '-',
      outcome === 'blocked' ? page.paint('red', outcome) : outcome,
      status === 'acknowledged' ? page.paint('green', status) : status,
      alerts.tags(id).join(' '),
    ]
  })
  const { label, source } = cast.scan[0]
  const again = [`${label}, again`, source ?? '-', 'duplicate', '(the same)', '']
  const repeated = seen.duplicates === 0 ? [] : [again]
  return [['alert', 'source', 'outcome', 'in Elastic', 'tag'], ...rows.slice(0, 2), ...repeated, ...rows.slice(2)]
}

function showCalls({ cloudflare, elasticsearch }: World, page: Page, cast: Cast): void {
  const calls = cloudflare.calls.filter(({ path }) => path.startsWith('/client/'))
  const of = (method: string) => calls.filter((call) => call.method === method).length
  const refused = calls.filter(({ status }) => status === 429).length
  page.text(
    `${counted(calls.length, 'call')} to Cloudflare: ${of('GET')} GET, ${of('PUT')} PUT (${refused} of them answered 429). ` +
      `${counted(elasticsearch.calls.length, 'call')} to Elastic. For ${counted(cast.all.length, 'alert')}.`,
  )
}
