/** What a configuration must say, for tests in which nobody is called. */
export const SETTINGS = {
  WEBHOOK_SECRET: 'a-webhook-secret-for-tests',
  OPS_TOKEN: 'an-operators-token-for-tests',
  CLOUDFLARE_API_TOKEN: 'a-token-that-nobody-asks-for',
  CLOUDFLARE_ZONE_ID: `shop=${'0'.repeat(32)}`,
  ELASTICSEARCH_URL: 'http://127.0.0.1:9',
  ELASTICSEARCH_API_KEY: 'a-key-that-nobody-asks-for',
}
