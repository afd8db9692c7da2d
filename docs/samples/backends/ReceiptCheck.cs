// Checks receipts in a C# backend. Needs Microsoft.IdentityModel.JsonWebTokens and Microsoft.IdentityModel.Protocols (8 or later), which
// ASP.NET Core's JwtBearer brings along. The steps are those of docs/backends.md. .NET checks no Ed25519: sign by EC P-256 or RSA.

using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Tokens;

/// <summary>One for the life of the process: it keeps the key set, and fetches it again for an unknown kid.</summary>
/// <param name="issuer">RECEIPT_ISSUER of the service, such as https://verify.example.com.</param>
/// <param name="audience">This backend, as one of RECEIPT_AUDIENCE.</param>
public sealed class ReceiptCheck(string issuer, string audience)
{
    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false };

    private readonly ConfigurationManager<JsonWebKeySet> keySet =
        new($"{issuer}/.well-known/jwks.json", new KeySetRetriever(), new HttpDocumentRetriever())
        {
            AutomaticRefreshInterval = TimeSpan.FromMinutes(5),
            RefreshInterval = TimeSpan.FromSeconds(30),
        };

    /// <param name="subject">`sub` of the access token that came with the same request, after it was checked.</param>
    /// <param name="phoneNumber">The number that is about to be trusted: E.164 with the plus sign.</param>
    /// <exception cref="SecurityTokenException">Not a good one for this user and this number. The message is for your log, not for the app.</exception>
    public async Task<JsonWebToken> CheckAsync(string receipt, string subject, string phoneNumber)
    {
        // Steps 1 to 5.
        var result = await ValidateAsync(receipt);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
        {
            keySet.RequestRefresh();
            result = await ValidateAsync(receipt);
        }
        if (!result.IsValid) throw new SecurityTokenException("not a good receipt", result.Exception);
        var token = (JsonWebToken)result.SecurityToken;
        // Step 6.
        if (string.IsNullOrEmpty(subject) || token.Subject != subject)
            throw new SecurityTokenException("the receipt is another user's");
        // Step 7.
        if (!token.TryGetPayloadValue("phone_number_verified", out bool verified) || !verified)
            throw new SecurityTokenException("the number is not verified");
        if (!token.TryGetPayloadValue("phone_number", out string number) || number != phoneNumber)
            throw new SecurityTokenException("the receipt is for another number");
        // Step 8, where it matters: remember token.Id until token.ValidTo, and refuse it the second time.
        return token;
    }

    private async Task<TokenValidationResult> ValidateAsync(string receipt)
    {
        var keys = await keySet.GetConfigurationAsync(CancellationToken.None);
        return await handler.ValidateTokenAsync(receipt, new TokenValidationParameters
        {
            ValidTypes = ["phone-number-receipt+jwt"],
            ValidAlgorithms = ["ES256", "RS256"],
            IssuerSigningKeys = keys.GetSigningKeys(),
            ValidIssuer = issuer,
            ValidAudience = audience,
            ClockSkew = TimeSpan.FromSeconds(5),
        });
    }

    private sealed class KeySetRetriever : IConfigurationRetriever<JsonWebKeySet>
    {
        public async Task<JsonWebKeySet> GetConfigurationAsync(string address, IDocumentRetriever retriever, CancellationToken cancel) =>
            new(await retriever.GetDocumentAsync(address, cancel));
    }
}
