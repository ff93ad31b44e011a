import { describe, it } from 'node:test'
import { cloudflareTarget } from '../support/fuzz-cloudflare.ts'
import { elasticTarget } from '../support/fuzz-elastic.ts'
import { fuzz } from '../support/fuzz-run.ts'

describe('an answer from outside, whatever it is', () => {
  it('of Cloudflare is read as it stands, or is an error that says what happened', async (t) => {
    const { target, close } = await cloudflareTarget()
    t.after(close)
    await fuzz(t, target, 2_000)
  })

  it('of Elasticsearch or Kibana is read as it stands, or is an error that says what happened', async (t) => {
    const { target, close } = await elasticTarget()
    t.after(close)
    await fuzz(t, target, 1_500)
  })
})
