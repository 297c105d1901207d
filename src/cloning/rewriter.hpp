#pragma once

#include "cloning/plan.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace cloning {

/// Changes statements of the dump that the target needs in another form, or must not run.
class Rewriter {
  public:
    /// \pre the plan outlives this.
    explicit Rewriter(const ClonePlan& plan);

    /// \returns what replaces the statement; empty if nothing does.
    std::string operator()(std::string statement);

    /// The statements that give objects their owners and privileges, complete at the end of the
    /// dump. Until then, all objects belong to the target's role.
    std::string ownership() const { return of_schemas_ + owners_ + privileges_; }

    /// The statements that must run last, complete at the end of the dump: those that create
    /// publications, because a published table cannot become a hypertable, and then those that
    /// create event triggers, so that no other statement fires them. They do not fire them
    /// themselves (EventTriggerSupportsObjectType in PostgreSQL's
    /// src/backend/commands/event_trigger.c).
    std::string last() const { return publications_ + event_triggers_; }

    /// \throws Error if the dump lacks the expected statement of a partitioned table.
    void finish() const;

  private:
    bool is_made_by_timescaledb(std::string_view statement) const;
    std::string without_partition_key(std::string statement);
    bool publishes_left_out(std::string_view statement) const;
    std::string_view owner_of_cagg(std::string_view statement) const;
    bool take_ownership(const std::string& statement);

    const ClonePlan& plan_;
    std::map<std::string, std::string> partition_keys_; ///< beginnings of statements, and ends
    std::set<std::string, std::less<>> caggs_;          ///< quoted
    std::set<std::string, std::less<>> tables_;         ///< that the target will have, quoted
    std::string of_schemas_; ///< their owners and privileges, which other owners need
    std::string owners_;
    std::string privileges_;
    std::string publications_;
    std::string event_triggers_;
};

} // namespace cloning
