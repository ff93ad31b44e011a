import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Explanation } from '../../src/core/explanation.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { ALLOWLIST, createCast } from '../../src/simulator/demo-cast.ts'
import { FAST } from '../support/service.ts'
import { until } from '../support/stores-jobs.ts'
import { operatorsStage } from './here.ts'
import { emptyFolder } from './run-cli.ts'

describe('playbooks explain', () => {
  const { stage, run, env } = operatorsStage({
    env: { ALLOWLIST: `${ALLOWLIST},203.0.113.128/28` },
    seams: { rate: FAST },
  })
  let folder: Awaited<ReturnType<typeof emptyFolder>>
  before(async () => {
    folder = await emptyFolder()
  })
  after(() => folder.remove())

  const expression = () => {
    const rule = stage.world.zone.rules().find((r) => r.description === 'webserver scanning block')
    return String(rule?.expression)
  }

  async function explain(ids: readonly string[], more = ''): Promise<Explanation> {
    const file = join(folder.path, 'body.json')
    await writeFile(file, stage.world.webhook(ids))
    const { code, out, err } = await run(`playbooks explain ${file} -o json ${more}`)
    assert.equal(code, 0, err)
    return JSON.parse(out)
  }

  it('agrees with what the service then does, and has no effect before', async () => {
    const sources = [
      '198.51.100.77',
      '203.0.113.131',
      '10.1.2.3',
      '104.16.9.9',
      '2001:db8:5::9',
      'no address',
      ['203.0.113.5', '192.168.0.1'],
    ]
    const ids = sources.map((sourceIp) => stage.world.alerts.add({ sourceIp }))
    const before = expression()
    const explained = await explain(ids)
    assert.equal(expression(), before)
    assert.equal(JSON.parse((await run('status -o json')).out).queue.completed, 0)
    await stage.post(ids)
    for (const [at, id] of ids.entries()) {
      const { outcome, stopped, playbook } = explained.alerts[at] as Explanation['alerts'][number]
      assert.equal(playbook?.file, '90-block.yaml')
      assert.equal(stopped, null)
      await stage.becomes(id, outcome === 'blocked' ? 'acknowledged' : 'open', String(outcome))
    }
    assert.deepEqual(
      explained.alerts.map(({ outcome }) => outcome),
      ['blocked', 'allowlisted', 'private', 'cloudflare', 'blocked', 'malformed', 'blocked'],
    )
    assert.equal(explained.edges[0]?.before, before)
    // In which order they came to be written depends on which arrived together.
    assert.deepEqual(addressesIn(explained.edges[0]?.after), addressesIn(expression()))
  })

  it('agrees with the demo', async () => {
    const { all } = createCast(stage.world)
    const { alerts, edges } = await explain(all.map(({ id }) => id))
    const said = alerts.map(({ id, outcome }) => [id, outcome])
    assert.deepEqual(
      said,
      all.map(({ id, outcome }) => [id, outcome]),
    )
    await stage.post(all.map(({ id }) => id))
    for (const { id, outcome } of all) await stage.becomes(id, outcome === 'blocked' ? 'acknowledged' : 'open', outcome)
    const terms = (text: string) => parseExpression(text).terms.map((term) => term.text)
    assert.deepEqual(terms(edges[0]?.after ?? '').sort(), terms(expression()).sort())
    for (const { term } of all) assert.ok(term === null || terms(expression()).includes(term))
  })

  it('names every guard in order, up to the one that says no', async () => {
    const id = stage.world.alerts.add({ sourceIp: '203.0.113.131' })
    const [alert] = (await explain([id])).alerts
    const guards = alert?.steps[0]?.suspects[0]?.guards ?? []
    assert.deepEqual(
      guards.map(({ guard, refuses }) => `${guard} ${refuses ? 'no' : 'ok'}`),
      ['no-address ok', 'malformed ok', 'private ok', 'cloudflare ok', 'allowlisted no'],
    )
    assert.match(guards.at(-1)?.detail ?? '', /203\.0\.113\.128\/28/)
  })

  it('knows the ledger: what was answered before, and what stands already', async () => {
    const first = await stage.send({ sourceIp: '198.51.100.90' })
    await stage.becomes(first, 'acknowledged')
    const second = stage.world.alerts.add({ sourceIp: '198.51.100.90' })
    // Elastic hears of it a moment before it is written down.
    await until(async () => (await explain([first])).alerts[0]?.stopped !== 'it is at work already')
    const { alerts, edges } = await explain([first, second])
    assert.match(alerts[0]?.stopped ?? '', /answered before \(blocked\)/)
    assert.match(alerts[1]?.steps[0]?.suspects[0]?.ban ?? '', /stands already until .*, offence 1/)
    assert.equal(edges[0]?.after, null)
  })

  it('can be read on a page, which says what was asked and that nothing was changed', async () => {
    const id = stage.world.alerts.add({ sourceIp: '198.51.100.91' })
    const file = join(folder.path, 'page.json')
    await writeFile(file, stage.world.webhook([id]))
    const { out } = await run(`playbooks explain ${file}`)
    assert.match(out, /^Asked: the ledger and the edges of the running service\. Nothing was changed\./)
    assert.match(out, /answered by 90-block\.yaml/)
    assert.match(out, /198\.51\.100\.91 {2}banned for 1h, offence 1/)
    assert.match(out, /quota-spent ✓/)
    assert.match(out, /written {2}\(ip\.src in \{.*198\.51\.100\.91/)
  })

  it('works without a service where that is wanted, and says what it then does not know', async () => {
    const id = stage.world.alerts.add({ sourceIp: '198.51.100.90' })
    const body = stage.world.webhook([id])
    const file = join(folder.path, 'offline.json')
    await writeFile(file, body)
    const local = { ...stage.world.environment(), ALLOWLIST: 'vpn.example.org', PORTCULLIS_URL: 'http://127.0.0.1:9' }
    const away = await run(`playbooks explain ${file}`, { environment: () => ({ ...env(), ...local }) })
    assert.equal(away.code, 1)
    assert.match(away.err, /does not answer/)
    const offline = await run(`playbooks explain ${file} --offline`, { environment: () => local })
    assert.equal(offline.code, 0, offline.err)
    assert.match(offline.out, /empty ledger and empty edges/)
    assert.match(offline.out, /not looked up.*vpn\.example\.org/)
    assert.match(offline.out, /banned for 1h, offence 1/)
    assert.match(offline.out, /written {2}\(ip\.src in \{198\.51\.100\.90\}\)/)
  })

  it('refuses a body that is none, as the webhook would', async () => {
    const read = async () => 'not json'
    const { code, err } = await run('playbooks explain -', { read })
    assert.equal(code, 2)
    assert.match(err, /JSON/)
  })
})

function addressesIn(text: string | null | undefined): string[] {
  return parseExpression(text ?? '')
    .terms.map((term) => term.text)
    .sort()
}
