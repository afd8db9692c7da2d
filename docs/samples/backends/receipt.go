// Package receipt checks receipts in a Go backend. Needs github.com/golang-jwt/jwt/v5 and github.com/MicahParks/keyfunc/v3.
// The steps are those of docs/backends.md.
package receipt

import (
	"context"
	"errors"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// Claims are those of a receipt.
type Claims struct {
	jwt.RegisteredClaims
	PhoneNumber         string `json:"phone_number"`
	PhoneNumberVerified bool   `json:"phone_number_verified"`
	VerificationMethod  string `json:"verification_method"`
}

// Check is one for the life of the process: it keeps the key set, and fetches it again for an unknown kid.
type Check struct {
	issuer, audience string
	keySet           keyfunc.Keyfunc
}

// NewCheck takes RECEIPT_ISSUER of the service, such as https://verify.example.com, and this backend as one of RECEIPT_AUDIENCE.
func NewCheck(ctx context.Context, issuer, audience string) (*Check, error) {
	urls := []string{issuer + "/.well-known/jwks.json"}
	keySet, err := keyfunc.NewDefaultOverrideCtx(ctx, urls, keyfunc.Override{RefreshInterval: 5 * time.Minute})
	return &Check{issuer, audience, keySet}, err
}

// Verify takes the sub of the access token that came with the same request, after it was checked, and the number that is about
// to be trusted, in E.164 with the plus sign. Its error is for your log, not for the app.
func (c *Check) Verify(receipt, subject, phoneNumber string) (*Claims, error) {
	// An empty text would switch off the comparison.
	if subject == "" || phoneNumber == "" {
		return nil, errors.New("nobody or nothing to compare with")
	}
	claims := &Claims{}
	// Steps 2 to 6.
	token, err := jwt.ParseWithClaims(receipt, claims, c.keySet.Keyfunc,
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}),
		jwt.WithIssuer(c.issuer),
		jwt.WithAudience(c.audience),
		jwt.WithSubject(subject),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(5*time.Second),
	)
	if err != nil {
		return nil, err
	}
	// Step 1.
	if token.Header["typ"] != "phone-number-receipt+jwt" {
		return nil, errors.New("not a receipt")
	}
	// Step 7.
	if !claims.PhoneNumberVerified {
		return nil, errors.New("the number is not verified")
	}
	if claims.PhoneNumber != phoneNumber {
		return nil, errors.New("the receipt is for another number")
	}
	// Step 8, where it matters: remember claims.ID until claims.ExpiresAt, and refuse it the second time.
	return claims, nil
}
