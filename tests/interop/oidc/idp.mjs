// An identity provider on loopback. PUT /as?account=NAME&acr=VALUE says who signs in next; everybody then does, unasked.
import { Provider } from 'oidc-provider';

const [port, clientId] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
let next = { account: 'nobody', acr: undefined };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  acrValues: ['pwd', 'phr'],
  claims: { openid: ['sub', 'acr'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, proceed) => {
  if (ctx.method === 'PUT' && ctx.path === '/as') {
    next = { account: ctx.query.account, acr: ctx.query.acr };
    ctx.status = 204;
  } else if (ctx.path.startsWith('/interaction/')) {
    const { prompt } = await provider.interactionDetails(ctx.req, ctx.res);
    const login = { accountId: next.account, acr: next.acr };
    const denied = { error: 'access_denied', error_description: 'not today' };
    const result = next.account === 'nobody' ? denied : prompt.name === 'consent' ? { consent: {} } : { login };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
  } else {
    await proceed();
  }
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
