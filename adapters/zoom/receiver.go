package zoom

import (
	"context"
	"fmt"
	"slices"

	"github.com/usher-scim/usher/adapters"
)

// CheckReceiver says whether the leaver's data can go to the receiver now. Zoom moves data
// only within the account, recordings only to a licensed user, webinars and Zoom Events hubs
// only to a user with the same or a larger licence. A leaver who is suspended has lost the
// licences, so that of such a one only the receiver is judged.
func (z *Adapter) CheckReceiver(ctx context.Context, leaver, receiver string, what []string) error {
	const op = "check receiver"
	u, err := z.read(ctx, op, leaver)
	if err != nil {
		return err
	}
	if u.pending() {
		return nil // an invitation has no data
	}
	_, err = z.checkReceiver(ctx, op, u, &adapters.Transfer{To: receiver, What: what})
	return err
}

// checkReceiver returns the receiver's e-mail address, which the transfer is sent to.
func (z *Adapter) checkReceiver(ctx context.Context, op string, leaver user, t *adapters.Transfer) (string, error) {
	for _, kind := range t.What {
		if !slices.Contains(transferNames(), kind) {
			return "", invalid(op, fmt.Sprintf("Zoom cannot move %q", kind), "use one of the kinds of docs/apps/zoom.md")
		}
	}
	key := t.To
	if key == "" {
		key = fold(t.ToEmail)
	}
	if key == "" {
		return "", conflict(op, "nobody is named to receive the data", "name a receiver in the step's transfer")
	}
	to, err := z.read(ctx, op, key)
	switch {
	case adapters.IsKind(err, adapters.NotFound):
		return "", conflict(op, "the receiver has no account in this Zoom account", "give the receiver a Zoom account, or choose another")
	case err != nil:
		return "", err
	case to.ID != "" && to.ID == leaver.ID || fold(to.Email) == fold(leaver.Email):
		return "", conflict(op, "the receiver of the data is the leaver", "choose another receiver")
	case to.pending():
		return "", conflict(op, "the receiver has not accepted the invitation to Zoom yet", "ask the receiver to accept it, or choose another")
	case to.state() == adapters.Suspended:
		return "", conflict(op, "the receiver's Zoom account is suspended", "choose another receiver, or activate the account in Zoom")
	}
	if slices.Contains(t.What, "recordings") && licenceOf(to.Type) != Licensed {
		return "", conflict(op, "recordings can go only to a licensed user, and the receiver is "+nameLicence(to.Type),
			"give the receiver the licence licensed, or choose another")
	}
	if leaver.state() != adapters.Active {
		return fold(to.Email), nil
	}
	return fold(to.Email), z.compareLicences(ctx, op, leaver, to, t.What)
}

// compareLicences refuses a receiver whose webinar or Zoom Events licence is smaller than the leaver's.
func (z *Adapter) compareLicences(ctx context.Context, op string, leaver, to user, what []string) error {
	has, err := z.api.getSettings(ctx, leaver.handle())
	if err != nil {
		return err
	}
	webinars := has.on("webinar") && slices.Contains(what, "webinars")
	events := has.on("zoom_events")
	if !webinars && !events {
		return nil
	}
	gets, err := z.api.getSettings(ctx, to.handle())
	if err != nil {
		return err
	}
	if webinars {
		if err := compare(op, "webinar", "webinar", has, gets); err != nil {
			return err
		}
	}
	if events {
		return compare(op, "zoom_events", "Zoom Events", has, gets)
	}
	return nil
}

// compare refuses when gets has not feature in the size that has has it.
func compare(op, feature, title string, has, gets features) error {
	need, have := has.capacity(feature), gets.capacity(feature)
	if gets.on(feature) && have >= need {
		return nil
	}
	size, held := "", "none"
	if need > 0 {
		size = fmt.Sprintf(" for %d", need)
	}
	if gets.on(feature) {
		held = fmt.Sprintf("one for %d", have)
	}
	return conflict(op,
		fmt.Sprintf("the leaver has a %s licence%s, and the receiver has %s", title, size, held),
		fmt.Sprintf("give the receiver a %s licence%s or larger in Zoom, choose another receiver, or leave the kind out of the transfer", title, size))
}

func nameLicence(t int) string {
	if l := licenceOf(t); l != "" {
		return l
	}
	return fmt.Sprintf("of type %d", t)
}
