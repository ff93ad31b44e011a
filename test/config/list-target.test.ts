import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configForCheck, readConfig } from '../../src/config.ts'

const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353'
const ENOUGH = {
  WEBHOOK_SECRET: 'w4Tq-webhook-1f9c',
  OPS_TOKEN: 'o8Zr-operator-77aa',
  CLOUDFLARE_API_TOKEN: 'c2Lm-cloudflare-90d',
  CLOUDFLARE_ZONE_ID: '0123456789abcdef0123456789abcdef',
}
const read = (more: Record<string, string>) => readConfig({ ...ENOUGH, ...more }).cloudflare
const complaints = (more: Record<string, string>): string[] =>
  configForCheck({ ...ENOUGH, ...more }).problems.map(({ name, message }) => `${name} ${message}`)

describe('a configuration that writes bans into a list', () => {
  it('names the account, and may name the list and leave the rule to others', () => {
    const { target, accountId, list, manageRule } = read({
      CLOUDFLARE_TARGET: 'list',
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT.toUpperCase(),
      CLOUDFLARE_LIST: 'scanners_2',
      CLOUDFLARE_MANAGE_RULE: 'false',
    })
    deepEqual([target, accountId, list, manageRule], ['list', ACCOUNT, 'scanners_2', false])
  })

  it('is refused without the account, once', () => {
    deepEqual(complaints({ CLOUDFLARE_TARGET: 'list' }), [
      'CLOUDFLARE_ACCOUNT_ID is required with CLOUDFLARE_TARGET=list',
    ])
    deepEqual(complaints({ CLOUDFLARE_TARGET: 'list', CLOUDFLARE_ACCOUNT_ID: 'mine' }), [
      'CLOUDFLARE_ACCOUNT_ID must be the account\'s id of 32 hex digits (got "mine")',
    ])
  })

  it('is not made by naming the account alone', () => {
    equal(read({ CLOUDFLARE_ACCOUNT_ID: ACCOUNT }).target, 'rule')
    equal(read({}).accountId, null)
  })

  it('names a list that Cloudflare can have', () => {
    for (const name of ['Portcullis', 'a-b', '$a', 'a'.repeat(51)])
      match(complaints({ CLOUDFLARE_LIST: name }).join(), /^CLOUDFLARE_LIST must be 1 to 50 of a-z, 0-9 and _/)
  })

  it('is the only one that may leave the rule to others', () => {
    throws(
      () => read({ CLOUDFLARE_MANAGE_RULE: 'off' }),
      /CLOUDFLARE_MANAGE_RULE +must be on with CLOUDFLARE_TARGET=rule/,
    )
    match(complaints({ CLOUDFLARE_TARGET: 'lists' }).join(), /^CLOUDFLARE_TARGET must be one of rule, list/)
  })
})
