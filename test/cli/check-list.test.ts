import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { checkCloudflare } from '../../src/adapters/check-cloudflare.ts'
import type { Finding } from '../../src/check.ts'
import { configForCheck } from '../../src/config.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { OUR_RULE } from '../support/service-stage.ts'

describe('portcullis check, of a list', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  const all = ['waf-read', 'waf-write', 'zone-read', 'lists-read', 'lists-write'] as const

  async function found(what: string, changes: Record<string, string> = {}): Promise<Finding[]> {
    const { config } = configForCheck({ ...world.environment(), CLOUDFLARE_TARGET: 'list', ...changes })
    const findings: Finding[] = []
    for await (const finding of checkCloudflare(config.cloudflare, () => new Date())) findings.push(finding)
    return findings.filter((finding) => finding.what.startsWith(what))
  }
  const one = async (what: string, changes?: Record<string, string>) => {
    const [finding] = await found(what, changes)
    return `${finding?.level} ${finding?.message}`
  }

  it('says that it will be made, and which permission that takes', async () => {
    assert.match(await one('list'), /^warn is not there yet.*"Account Filter Lists Edit"/)
  })

  it('names exactly the permission that is missing', async () => {
    world.cloudflare.tokens.set(world.cloudflare.token, ['waf-read', 'waf-write', 'zone-read'])
    assert.match(await one('list'), /^bad .*"Account Filter Lists Edit"/)
    world.cloudflare.tokens.set(world.cloudflare.token, all)
  })

  it('tells its kind, its items and the rules that name it', async () => {
    world.cloudflare.account.createList({ name: 'hosts', kind: 'hostname' })
    assert.match(await one('list', { CLOUDFLARE_LIST: 'hosts' }), /^bad .*kind hostname/)
    const findings = await found('list', { CLOUDFLARE_LIST: 'office' })
    assert.match(
      findings.map(({ message }) => message).join('\n'),
      /holds 1 items[\s\S]*1 rule of the account names it/,
    )
    world.cloudflare.account.createList({ name: 'portcullis', kind: 'ip' })
    const off = await found('list', { CLOUDFLARE_MANAGE_RULE: 'off' })
    assert.deepEqual(
      off.map(({ level }) => level),
      ['good', 'bad'],
    )
  })

  it('counts no clause of ours among those of people that are kept', async () => {
    const rule = async () => (await found('rule')).find(({ message }) => message.includes('holds'))?.message ?? ''
    const ours = async (expression: string) => {
      world.cloudflare.handEdit(world.zone, (rules) =>
        rules.map((rule) => (rule.description === OUR_RULE ? { ...rule, expression } : rule)),
      )
      return rule()
    }
    assert.doesNotMatch(await ours('(ip.src in $portcullis) or (ip.src in {198.51.100.7})'), /of yours/)
    assert.match(await ours('(ip.src in $portcullis) or (http.host eq "x") or (ssl)'), /, 2 clauses of yours/)
    assert.doesNotMatch(await ours('(ip.src in {198.51.100.7})'), /of yours/)
  })

  it('with rules of others: looks whether one in force names the list, and does without the right to look', async () => {
    const off = { CLOUDFLARE_MANAGE_RULE: 'off' }
    assert.match(await one('rule', off), /^bad edge-unreferenced: no rule/)
    const theirs = { description: 'theirs', action: 'block', expression: 'ip.src in $portcullis' }
    world.cloudflare.handEdit(world.zone, (rules) => [...rules, { ...theirs, enabled: false }])
    assert.match(await one('rule', off), /^bad edge-unreferenced: the rule/)
    world.cloudflare.handEdit(world.zone, (rules) =>
      rules.map((rule) => (rule.description === 'theirs' ? { ...rule, enabled: true } : rule)),
    )
    assert.match(await one('rule', off), /^good "theirs" names the list/)
    world.cloudflare.tokens.set(world.cloudflare.token, ['lists-read', 'lists-write'])
    assert.match(await one('zone', off), /^warn its rules cannot be seen/)
    world.cloudflare.tokens.set(world.cloudflare.token, all)
  })
})
