package provision

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// The fields of an Account.
const (
	accountIDs = iota + 1 // its own and the person's
	accountApp
	accountVendorID
	accountEmail
	accountState
	accountOrigin
	accountExternalID
	accountRole
	accountLicence
	accountProfile // one for each field of it: the length of its name, the name, the value
	accountTeam    // one for each
	accountShown   // as accountProfile
	accountProtected
	accountKind
	accountFlags  // one byte: admin, enforced, unconfirmed
	accountBefore // JSON
	accountUnwantedSince
	accountUnwantedWhy
	accountAdmitted
	accountDone // one for each
	accountSuspendedAt
	accountRestored
	accountMissed // JSON
	accountReturn // one for each
	accountIntent // whether sent, when, probes, op
	accountFrom
	accountTimes // created, modified
	accountSeen
	accountEntered // one for each
	accountTeamsUnsure
)

// MarshalBinary returns the account as the store keeps it: the same bytes for equal accounts.
func (a *Account) MarshalBinary() ([]byte, error) {
	data := append(make([]byte, 0, 384), format, accountIDs, 32)
	data = append(append(data, a.ID[:]...), a.Person[:]...)
	data = appendText(data, accountApp, a.App)
	data = appendText(data, accountVendorID, a.VendorID)
	data = appendText(data, accountEmail, a.Email)
	data = appendText(data, accountState, a.State)
	data = appendText(data, accountOrigin, a.Origin)
	data = appendText(data, accountExternalID, a.ExternalID)
	data = appendText(data, accountRole, a.Role)
	data = appendText(data, accountLicence, a.Licence)
	data = appendPairs(data, accountProfile, a.Profile)
	for _, team := range a.Teams {
		data = store.AppendField(data, accountTeam, team)
	}
	data = appendPairs(data, accountShown, a.Shown)
	data = appendText(data, accountProtected, a.Protected)
	data = appendText(data, accountKind, a.Kind)
	data = appendFlags(data, accountFlags, a.Admin, a.Enforced, a.Unconfirmed)
	data, err := appendJSON(data, accountBefore, a.Before)
	if err != nil {
		return nil, err
	}
	data = appendTime(data, accountUnwantedSince, a.UnwantedSince)
	data = appendText(data, accountUnwantedWhy, a.UnwantedWhy)
	data = appendTime(data, accountAdmitted, a.Admitted)
	for _, action := range a.Done {
		data = store.AppendField(data, accountDone, action)
	}
	data = appendTime(data, accountSuspendedAt, a.SuspendedAt)
	data = appendTime(data, accountRestored, a.Restored)
	if data, err = appendJSON(data, accountMissed, a.Missed); err != nil {
		return nil, err
	}
	for _, at := range a.Returns {
		data = putTime(append(data, accountReturn, timeSize), at)
	}
	if a.Intent != nil {
		data = a.Intent.append(data, accountIntent)
	}
	data = appendText(data, accountFrom, a.From)
	data = putTime(putTime(append(data, accountTimes, 2*timeSize), a.Created), a.Modified)
	data = appendTime(data, accountSeen, a.Seen)
	for _, team := range a.Entered {
		data = store.AppendField(data, accountEntered, team)
	}
	return appendTime(data, accountTeamsUnsure, a.TeamsUnsure), nil
}

// UnmarshalBinary reads an account as a store keeps it, in any form that it ever had. It keeps nothing of data.
func (a *Account) UnmarshalBinary(data []byte) error {
	*a = Account{}
	if len(data) > 0 && data[0] == object {
		return json.Unmarshal(data, a)
	}
	return eachField(data, a.read)
}

func (a *Account) read(number byte, value []byte, text string) (err error) {
	switch number {
	case accountIDs:
		if len(value) != 32 {
			return errors.New("not two ids")
		}
		a.ID, a.Person = uuid.UUID(value[:16]), uuid.UUID(value[16:])
	case accountApp:
		a.App = text
	case accountVendorID:
		a.VendorID = text
	case accountEmail:
		a.Email = text
	case accountState:
		a.State = AccountState(text)
	case accountOrigin:
		a.Origin = Origin(text)
	case accountExternalID:
		a.ExternalID = text
	case accountRole:
		a.Role = text
	case accountLicence:
		a.Licence = text
	case accountProfile:
		err = readPair(&a.Profile, value, text)
	case accountTeam:
		a.Teams = append(a.Teams, text)
	case accountShown:
		err = readPair(&a.Shown, value, text)
	case accountProtected:
		a.Protected = text
	case accountKind:
		a.Kind = text
	case accountFlags:
		err = readFlags(value, &a.Admin, &a.Enforced, &a.Unconfirmed)
	case accountBefore:
		err = json.Unmarshal(value, &a.Before)
	default:
		err = a.readLife(number, value, text)
	}
	return err
}

// readLife reads what tells of the account's life.
func (a *Account) readLife(number byte, value []byte, text string) (err error) {
	switch number {
	case accountUnwantedSince:
		a.UnwantedSince, err = readTime(value)
	case accountUnwantedWhy:
		a.UnwantedWhy = mapping.Reason(text)
	case accountAdmitted:
		a.Admitted, err = readTime(value)
	case accountDone:
		a.Done = append(a.Done, adapters.Action(text))
	case accountSuspendedAt:
		a.SuspendedAt, err = readTime(value)
	case accountRestored:
		a.Restored, err = readTime(value)
	case accountMissed:
		err = json.Unmarshal(value, &a.Missed)
	case accountReturn:
		var at time.Time
		at, err = readTime(value)
		a.Returns = append(a.Returns, at)
	case accountIntent:
		a.Intent, err = readIntent(value, text)
	case accountFrom:
		a.From = AccountState(text)
	case accountTimes:
		if len(value) != 2*timeSize {
			return errors.New("not two times")
		}
		if a.Created, err = readTime(value[:timeSize]); err == nil {
			a.Modified, err = readTime(value[timeSize:])
		}
	case accountEntered:
		a.Entered = append(a.Entered, text)
	case accountTeamsUnsure:
		a.TeamsUnsure, err = readTime(value)
	case accountSeen:
		a.Seen, err = readTime(value)
	}
	return err
}

// append appends the intent as a field.
func (i *Intent) append(data []byte, number byte) []byte {
	value := make([]byte, 1, 1+timeSize+binary.MaxVarintLen64+len(i.Op))
	if i.Sent {
		value[0] = 1
	}
	value = binary.AppendVarint(putTime(value, i.At), int64(i.Probes))
	return store.AppendField(data, number, append(value, i.Op...))
}

func readIntent(value []byte, text string) (*Intent, error) {
	if len(value) < 1+timeSize {
		return nil, errors.New("not an intent")
	}
	at, err := readTime(value[1 : 1+timeSize])
	if err != nil {
		return nil, err
	}
	probes, n := binary.Varint(value[1+timeSize:])
	if n <= 0 {
		return nil, errors.New("not a number")
	}
	return &Intent{Sent: value[0] != 0, At: at, Probes: int(probes), Op: Op(text[1+timeSize+n:])}, nil
}
