import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { operatorsStage } from './here.ts'

describe('who asks about an address of the list', () => {
  const { run } = operatorsStage({ env: { CLOUDFLARE_TARGET: 'list' }, seams: { rate: FAST } })

  it('is told that the zone’s rule stops it by the list, and that nothing does once it is lifted', async () => {
    const { code, err } = await run('ban 203.0.113.50 -d 1h')
    assert.equal(code, 0, err)
    const { out } = await run('why 203.0.113.50')
    assert.match(out, /\n {2}list:portcullis +203\.0\.113\.50 /)
    assert.match(out, /\n {2}shop +by list:portcullis /)
    assert.equal((await run('unban 203.0.113.50')).code, 0)
    assert.match((await run('why 203.0.113.50')).out, /\n {2}shop +no /)
  })
})
