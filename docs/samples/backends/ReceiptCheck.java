// Checks receipts in a Java backend. Needs com.nimbusds:nimbus-jose-jwt (9.31 or later), which Spring Security brings along.
// The steps are those of docs/backends.md. Nimbus checks Ed25519 only with further packages: sign by EC P-256 or RSA.

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.MalformedURLException;
import java.net.URI;
import java.util.Set;

/** One for the life of the process: it keeps the key set for 300 s, and fetches it again for an unknown kid. */
public final class ReceiptCheck {
  private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

  /**
   * @param issuer RECEIPT_ISSUER of the service, such as https://verify.example.com
   * @param audience this backend, as one of RECEIPT_AUDIENCE
   */
  public ReceiptCheck(String issuer, String audience) throws MalformedURLException {
    JWKSource<SecurityContext> keySet =
        JWKSourceBuilder.create(URI.create(issuer + "/.well-known/jwks.json").toURL())
            .cache(300_000, 15_000)
            .rateLimited(30_000)
            .build();
    // Step 1.
    processor.setJWSTypeVerifier(
        new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("phone-number-receipt+jwt")));
    // Steps 2 and 3.
    processor.setJWSKeySelector(
        new JWSVerificationKeySelector<>(Set.of(JWSAlgorithm.ES256, JWSAlgorithm.RS256), keySet));
    // Steps 4 and 5, and the first half of 7.
    DefaultJWTClaimsVerifier<SecurityContext> claims =
        new DefaultJWTClaimsVerifier<>(
            audience,
            new JWTClaimsSet.Builder().issuer(issuer).claim("phone_number_verified", true).build(),
            Set.of("exp", "sub", "jti", "phone_number"));
    claims.setMaxClockSkew(5);
    processor.setJWTClaimsSetVerifier(claims);
  }

  /**
   * @param subject `sub` of the access token that came with the same request, after it was checked
   * @param phoneNumber the number that is about to be trusted: E.164 with the plus sign
   * @return the claims
   * @throws Exception when it is not a good one for this user and this number; the message is for your log, not for the app
   */
  public JWTClaimsSet check(String receipt, String subject, String phoneNumber) throws Exception {
    JWTClaimsSet claims = processor.process(receipt, null);
    // Step 6.
    if (!claims.getSubject().equals(subject)) throw new BadJWTException("the receipt is another user's");
    // Step 7.
    if (!claims.getStringClaim("phone_number").equals(phoneNumber))
      throw new BadJWTException("the receipt is for another number");
    // Step 8, where it matters: remember claims.getJWTID() until the expiration time, and refuse it the second time.
    return claims;
  }
}
