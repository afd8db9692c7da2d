"""Checks receipts in a Python backend. Needs PyJWT 2.4 or later with cryptography: pip install "pyjwt[crypto]", or Debian's
python3-jwt and python3-cryptography. The steps are those of docs/backends.md.
"""

import jwt


class ReceiptCheck:
    """One for the life of the process: it keeps the key set for 300 s, and fetches it again for an unknown `kid`."""

    def __init__(self, issuer, audience, key_set_url=None):
        self.issuer = issuer
        self.audience = audience
        self.key_set = jwt.PyJWKClient(key_set_url or issuer + "/.well-known/jwks.json", cache_keys=False, lifespan=300)

    def check(self, receipt, subject, phone_number):
        """subject: `sub` of the access token that came with the same request, after it was checked.
        phone_number: the number that is about to be trusted, in E.164 with the plus sign.
        Returns the claims, or raises; the message is for your log, not for the app.
        """
        # Step 1.
        if jwt.get_unverified_header(receipt).get("typ") != "phone-number-receipt+jwt":
            raise jwt.InvalidTokenError("not a receipt")
        # Steps 2 to 5. The algorithm comes from the key, and the list keeps HS256 and none out.
        key = self.key_set.get_signing_key_from_jwt(receipt)
        claims = jwt.decode(
            receipt,
            key.key,
            algorithms=["ES256", "EdDSA", "RS256"],
            issuer=self.issuer,
            audience=self.audience,
            leeway=5,
            options={"require": ["exp", "iss", "aud", "sub", "jti"]},
        )
        # Step 6.
        if not subject or claims["sub"] != subject:
            raise jwt.InvalidTokenError("the receipt is another user's")
        # Step 7.
        if claims.get("phone_number_verified") is not True:
            raise jwt.InvalidTokenError("the number is not verified")
        if not phone_number or claims.get("phone_number") != phone_number:
            raise jwt.InvalidTokenError("the receipt is for another number")
        # Step 8, where it matters: remember claims["jti"] until claims["exp"], and refuse it the second time.
        return claims
